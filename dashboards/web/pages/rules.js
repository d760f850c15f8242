// @ts-check
/**
 * Rules: what is watched, whether it can be, and what it would have done.
 *
 * Given: the rules of the server. Gives: a table with switches, test and dry run in place, a form for a new rule; each name leads to its page.
 * Never: a dry run that is taken for the real thing.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, session, useAsking, useLoad } from '../api.js';
import { plural } from '../format.js';
import { link, params } from '../url.js';
import { condition, scope, severityLook } from '../alert/words.js';
import { measure } from '../units.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Chip } from '../parts/chip.js';
import { toast } from '../parts/toast.js';
import { AlertPlaces } from '../parts/places.js';
import { NotAllowed } from '../parts/form.js';
import { RuleForm } from './rule-form.js';
import { Replay } from './rule-replay.js';
import { Later } from '../parts/later.js';

const suggestions = () => import('./rule-suggestions.js');

export const title = 'Rules';
export const name = 'Alert rules';
export const styles = '/assets/pages/alerts.css';

export function View() {
  const load = useLoad('/api/v1/rules?limit=1000', { every: 60_000 });
  const [making, setMaking] = useState(false);
  const admin = session.value?.role === 'admin';
  const done = (/** @type {string} */ text) => { setMaking(false); load.reload(); toast(text); };
  return html`<div class="page alerts-page"><${AlertPlaces} /><${NotAllowed} what="Changing rules" />
    ${making ? html`<${RuleForm} rule=${null} close=${() => setMaking(false)} done=${done} />` : null}
    <${Later} load=${suggestions} part="Suggestions" rules=${load.data?.items ?? null} changed=${done} blank=${html`<div class="card blank suggestions-blank"></div>`} />
    <${Card} title="Rules" sub=${load.data ? `${plural(load.data.items.filter((/** @type {any} */ one) => one.enabled).length, 'rule')} on, ${load.data.items.filter((/** @type {any} */ one) => !one.enabled).length} off` : ''} busy=${load.busy} actions=${html`<button class="button primary" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => setMaking(true)}><${Icon} name="plus" />New rule</button>`}>
      <${Faces} load=${load} what="rules" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (data.items.length ? html`<table class="table cards-narrow rules-table"><thead><tr><th scope="col">On</th><th scope="col">Rule</th><th scope="col">Severity</th><th scope="col" class="wide-cell">Tells</th><th scope="col" class="num">Try</th></tr></thead>
        <tbody>${data.items.map((/** @type {any} */ one) => html`<${One} key=${one.id} one=${one} admin=${admin} changed=${load.reload} />`)}</tbody></table>` : html`<${Empty} title="There are no rules yet."><p class="quiet">A rule needs one condition, such as <code>error_rate > 0.05</code>.</p><//>`)}<//><//></div>`;
}

/** @param {{one: any, admin: boolean, changed: () => void}} props */
function One({ one, admin, changed }) {
  const [tried, setTried] = useState(/** @type {any} */ (null));
  const [replay, setReplay] = useState(/** @type {any} */ (null));
  const { wrong, ask } = useAsking();
  const chosen = params.value.get('sel') === one.id;
  const toggle = () => ask(async () => { await request(`/api/v1/rules/${one.id}/${one.enabled ? 'disable' : 'enable'}`, { method: 'POST' }); changed(); });
  const test = () => ask(async () => { setReplay(null); setTried(await request(`/api/v1/rules/${one.id}/test`, { method: 'POST' })); });
  const dry = () => ask(async () => { setTried(null); setReplay(await request('/api/v1/rules/backtest', { method: 'POST', body: { rule: one.id, from: 'now-7d', to: 'now' } })); });
  return html`<tr class=${chosen ? 'chosen' : ''}>
      <td class="cell-state"><input type="checkbox" role="switch" aria-label=${`${one.name} is on`} checked=${one.enabled} disabled=${!admin} onChange=${toggle} /></td>
      <td class="cell-name"><a href=${link(`/alerts/rules/${one.id}`, {}, ['tz'])}>${one.name}</a><p class="quiet small"><code>${condition(one)}</code>${scope(one) ? ` · ${scope(one)}` : ''}</p></td>
      <td class="cell-sub"><${Chip} look=${severityLook(one.severity)} plain=${true} /></td>
      <td class="wide-cell quiet small">${one.notification_channels?.length ? one.notification_channels.join(', ') : 'by the routes'}</td>
      <td class="num cell-figure"><span class="rule-acts"><button class="button" onClick=${test}>Test</button><button class="button" onClick=${dry}>Dry run</button></span></td></tr>
    ${wrong || tried || replay ? html`<tr><td colspan="5">
      ${wrong ? html`<p class="field-error" role="alert">${wrong}</p>` : null}
      ${tried ? html`<${Tried} tried=${tried} />` : null}
      ${replay ? html`<${Replay} replay=${replay} unit=${one.unit} />` : null}</td></tr>` : null}`;
}

const OUTCOMES = /** @type {Record<string, [string, string, string]>} */ ({ true: ['octagon', 'crit', 'holds'], false: ['tick', 'ok', 'does not hold'], no_data: ['question', 'unk', 'no data'], error: ['octagon', 'crit', 'cannot be judged'] });

/** @param {{tried: any}} props */
function Tried({ tried }) {
  const { say } = measure(tried.unit);
  return html`<div class="replay" role="status"><p><b>Now:</b> ${tried.message}. <span class="quiet">Nobody was told.</span></p>
    ${tried.verdicts.length ? html`<ul class="told">${tried.verdicts.slice(0, 20).map((/** @type {any} */ one, /** @type {number} */ index) => { const [icon, tone, word] = OUTCOMES[one.outcome]; return html`<li key=${index}><span class=${`chip ${tone}`}><${Icon} name=${icon} />${word}</span><span>${say(one.value)}${one.events !== null ? html` <span class="quiet">of ${plural(one.events, 'event')}</span>` : null} <span class="quiet small">${Object.entries(one.labels).map(([key, value]) => `${key}=${value}`).join(' ')} ${one.reason ?? ''}</span></span></li>`; })}</ul>` : null}</div>`;
}
