// @ts-check
/**
 * Budgets: what was spent of each, where it will end, and how sure that is; made, changed and put away by administrators.
 *
 * Given: the budgets with their status; `edit`, `history` and `archived` of the URL. Gives: one sentence, a card each, the form.
 * Never: an amount through a float, or a control that is hidden because it is not allowed.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, session, useAsking, useLoad } from '../api.js';
import { exactMoney, isUnknown, money, moneyLength, percent, plural } from '../format.js';
import { link, params, setParams, zone } from '../url.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { Later } from '../parts/later.js';
import { CostPlaces } from '../parts/places.js';
import { toast } from '../parts/toast.js';
import { Spent } from '../charts/level.js';
import { forecastWords, periodWords, reachedWords, marksOf, scopeFilters, scopeWords, standing, stateLook, worstFirst } from '../budget/words.js';
import { wayOf } from '../budget/ahead.js';
import { BudgetForm } from './budget-form.js';
import { History } from './budget-history.js';

export const name = 'Budgets';
export const styles = '/assets/pages/pledges.css';
const Crumbs = () => html`<a href=${link('/costs', {}, ['tz'])}>Costs</a> <span>/ Budgets</span>`;
export const title = html`<${Crumbs} />`;
const EVERY_MS = 60_000;

const mayChange = () => session.value?.role === 'admin';
/** Why a control is disabled, for its title; nothing when it is not. */
const refusal = () => (mayChange() ? undefined : 'Needs the admin role');

export function View() {
  const archived = params.value.get('archived') === 'true';
  const load = useLoad(`/api/v1/budgets?standing=true${archived ? '&archived=true' : ''}`, { every: EVERY_MS });
  const making = params.value.get('edit') === 'new';
  return html`<div class="page budgets-page"><${CostPlaces} />
    <div class="bar"><label class="inline-label check"><input type="checkbox" checked=${archived} onChange=${() => setParams({ archived: archived ? null : 'true' })} /> Also archived ones</label>
      <span class="bar-end">${mayChange() ? null : html`<span class="quiet small" id="not-allowed">Changing budgets needs the admin role; yours is ${session.value?.role}.</span>`}
        <button class="button primary" disabled=${!mayChange()} title=${refusal()} aria-describedby=${mayChange() ? undefined : 'not-allowed'} onClick=${() => setParams({ edit: 'new' })}><${Icon} name="plus" />New budget</button></span></div>
    ${making && mayChange() ? html`<${Card} title="New budget"><${BudgetForm} budget=${null} done=${load.reload} /><//>` : null}
    <${Faces} load=${load} what="the budgets" boxed=${true} blank=${html`<div class="card blank head-blank"></div><div class="card blank list-blank"></div>`}>${(/** @type {any} */ data) => html`<${Budgets} items=${data.items} reload=${load.reload} />`}<//></div>`;
}

/** @param {{items: any[], reload: () => void}} props */
function Budgets({ items, reload }) {
  if (!items.length) {
    return html`<${Card} title="No budgets"><${Empty} title="Nothing is watched. Make a budget here, or on the server:"><${Command} text="spanledger budgets create everything --period monthly --limit 500" /><//><//>`;
  }
  const said = standing(items.filter((one) => !one.archived_at));
  return html`<div class=${`sentence ${said.tone}`}><${Icon} name=${said.icon} /><div class="sentence-text"><h2>${said.title}</h2>${said.text ? html`<p>${said.text}</p>` : null}</div></div>
    ${[...items].sort(worstFirst).map((budget) => html`<${Budget} key=${budget.id} budget=${budget} reload=${reload} />`)}`;
}

/** @param {{budget: any, reload: () => void}} props */
function Budget({ budget, reload }) {
  const editing = params.value.get('edit') === budget.id && mayChange() && !budget.archived_at;
  const past = params.value.get('history') === budget.id;
  const actions = html`<button class="button" aria-expanded=${past} onClick=${() => setParams({ history: past ? null : budget.id })}>History</button>
    ${budget.archived_at ? null : html`<button class="button" aria-expanded=${editing} disabled=${!mayChange()} title=${refusal()} onClick=${() => setParams({ edit: editing ? null : budget.id })}>Change</button><${Archive} budget=${budget} reload=${reload} />`}`;
  return html`<${Card} title=${budget.name} sub=${`${scopeWords(budget)} · ${periodWords(budget)}`} actions=${actions} class="budget-card">
    ${editing ? html`<${BudgetForm} key=${budget.id} budget=${budget} done=${reload} />` : html`<${Standing} budget=${budget} />`}
    ${past ? html`<${History} id=${budget.id} version=${budget.version} />` : null}<//>`;
}

/** @param {{budget: any}} props */
function Standing({ budget }) {
  const { status } = budget;
  const look = budget.archived_at ? { icon: 'dash', word: 'Archived', tone: /** @type {const} */ ('unk') } : stateLook(status);
  const goes = status.projection?.certain ? status.projection : null;
  const lines = (/** @type {string[]} */ more) => link('/costs', { tab: 'ledger', f: [...scopeFilters(budget), ...more], from: status.from, to: status.to }, ['tz']);
  const ahead = forecastWords(status, zone.value);
  const reached = reachedWords(status);
  const notes = (status.projection?.notes ?? []).filter((/** @type {string} */ note) => !ahead.includes(note) && !/no known price/.test(note));
  const amount = (/** @type {unknown} */ value) => Number(moneyLength(value));
  const way = budget.archived_at ? null : wayOf(status);
  return html`<div class="budget">
    <p class="slo-state"><${Chip} look=${look} /> <span>${budget.archived_at ? 'It was put away; nothing is watched.' : status.sentence}</span></p>
    <p class="budget-spent"><a class="big" href=${lines([])} title=${exactMoney(status.spent)}><${Figure}>${money(status.spent)}<//></a> <span class="quiet">of <span title=${exactMoney(status.limit_amount)}>${money(status.limit_amount)}</span>${isUnknown(status.percentage) ? '' : ` · ${percent(status.percentage / 100)} used`}${amount(status.carried_over) ? ` · ${money(status.carried_over)} carried over` : ''}${amount(status.reserved) ? ` · ${money(status.reserved)} reserved` : ''}</span></p>
    <${Spent} spent=${moneyLength(status.spent)} limit=${amount(status.limit_amount)} low=${goes && moneyLength(goes.p10)} middle=${goes && moneyLength(goes.p50)} high=${goes && moneyLength(goes.p90)} marks=${marksOf(status)} tone=${look.tone} />
    ${ahead && !budget.archived_at ? html`<p class="budget-ahead">${ahead.replace(/\.?$/, '.')}</p>` : null}
    ${way ? html`<${Later} load=${() => import('../charts/course.js')} part="Course" styles="/assets/charts/course.css" blank=${html`<div class="course-blank"></div>`} way=${way} title=${`Where ${budget.name} goes`} />` : null}
    <p class="quiet small">${[status.unpriced_calls ? html`<a href=${lines(['state:unpriced'])}>${plural(status.unpriced_calls, 'unpriced call')}</a>` : null, status.calls ? `${percent(status.coverage)} of ${plural(status.calls, 'call')} priced` : 'No calls yet', reached ? `reached: ${reached}` : null].filter(Boolean).flatMap((one, index) => (index ? [' · ', one] : [one]))}</p>
    ${notes.length ? html`<p class="quiet small">${notes.join(' ')}</p>` : null}</div>`;
}

/** Puts a budget away, once it was asked again. @param {{budget: any, reload: () => void}} props */
function Archive({ budget, reload }) {
  const [asked, setAsked] = useState(false);
  const { wrong, ask } = useAsking();
  const archive = async () => {
    await ask(async () => {
      await request(`/api/v1/budgets/${budget.id}`, { method: 'DELETE' });
      toast(`${budget.name} is archived; its history stays`);
      reload();
    });
    setAsked(false);
  };
  if (asked) return html`<span class="bar-end" role="group" aria-label="Archive this budget?"><button class="button danger" onClick=${archive} autofocus>Archive it</button><button class="button" onClick=${() => setAsked(false)}>Keep</button></span>`;
  return html`<button class="button" disabled=${!mayChange()} title=${refusal()} onClick=${() => setAsked(true)}>Archive</button>${wrong ? html`<span class="field-error" role="alert">${wrong}</span>` : null}`;
}
