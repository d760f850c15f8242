// @ts-check
/** Budgets on Live: money spent, errors left; the worst of each. Loaded after the figures above it. Never: an unknown share drawn as an empty one. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { exactMoney, isUnknown, money, percent } from '../format.js';
import { look } from '../status.js';
import { topics } from '../live.js';
import { link } from '../url.js';
import { stateLook as budgetLook, worstFirst } from '../budget/looks.js';
import { Card } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';

const MOST_BUDGETS = 6;

/** Budgets of money and of errors, the worst of each first. */
export function Budgets() {
  const load = useLoad('/api/v1/budgets?standing=true', { every: 30_000 });
  const slos = topics.slos.value?.items ?? [];
  const budgets = [...(load.data?.items ?? [])].filter((one) => !one.archived_at).sort(worstFirst);
  const room = Math.max(2, MOST_BUDGETS - Math.min(slos.length, MOST_BUDGETS / 2));
  if (!load.data && !load.error && !slos.length) return html`<${Card} title="Budgets" busy=${true}><div class="face blank"></div><//>`;
  if (!slos.length && !budgets.length) return html`<${Card} title="Budgets"><p class="face-note">${load.error ? 'Could not load the budgets.' : html`No limit and no objective is set. <a href=${link('/costs/budgets', { edit: 'new' }, ['tz'])}>Set a budget</a> · <a href=${link('/slos/new', {}, ['tz'])}>Make an objective</a>`}</p><//>`;
  return html`<${Card} title="Budgets" sub="money spent, errors left" actions=${html`<a href=${link('/costs/budgets', {}, ['tz'])}>Money</a> <a href=${link('/slos', {}, ['tz'])}>SLOs</a>`}>
    <ul class="meters">${budgets.slice(0, room).map((one) => html`<${MoneyBudget} key=${one.id} one=${one} />`)}${slos.slice(0, MOST_BUDGETS - Math.min(budgets.length, room)).map((/** @type {any} */ one) => html`<${ErrorBudget} key=${one.name} one=${one} />`)}</ul>${load.error ? html`<p class="face-note">Could not load the budgets of money${load.data ? ': these are older' : ''}.</p>` : null}<//>`;
}

/** @param {{name: string, href: string, figure: any, share: number | null, tone: string, chip: import('../status.js').Look, sub: any}} props */
function Row({ name, href, figure, share, tone, chip, sub }) {
  return html`<li><a class="meter-row" href=${href}><span class="meter-name">${name}</span><span class="meter-figure">${figure}</span>
    <span class="meter"><i class=${share === null ? 'hatched whole' : `tone-${tone}`} style=${{ width: share === null ? '100%' : `${Math.max(0, Math.min(1, share)) * 100}%` }}></i></span><${Chip} look=${chip} /><span class="meter-sub">${sub}</span></a></li>`;
}

/** @param {{one: any}} props */
function MoneyBudget({ one }) {
  const chip = budgetLook(one.status);
  const share = isUnknown(one.status.percentage) ? null : one.status.percentage / 100;
  return html`<${Row} name=${one.name} href=${link('/costs/budgets', {}, ['tz'])} chip=${chip} tone=${chip.tone} share=${share}
    figure=${html`<span title=${exactMoney(one.status.spent)}><${Figure}>${money(one.status.spent)}<//></span>`} sub=${`of ${money(one.status.limit_amount)}${share === null ? '' : `, ${percent(share)} spent`}`} />`;
}

/** @param {{one: any}} props */
function ErrorBudget({ one }) {
  const left = one.remaining_ratio;
  const chip = one.state === 'breach' ? { ...look('critical'), word: 'Spent' } : one.state !== 'ok' ? look('unknown') : one.burning ? { ...look('warning'), word: 'Burning' } : { ...look('ok'), word: 'On track' };
  return html`<${Row} name=${one.display_name} href=${link(`/slos/${encodeURIComponent(one.name)}`, {}, ['tz'])} chip=${chip} tone=${chip.tone} share=${isUnknown(left) ? null : left}
    figure=${html`<${Figure}>${isUnknown(left) ? '—' : percent(Math.max(0, left))}<//>`} sub=${isUnknown(left) ? 'errors left: unknown' : left < 0 ? `of errors left, ${percent(-left)} overspent` : 'of errors left'} />`;
}
