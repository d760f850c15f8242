// @ts-check
/**
 * One rule: what it watches, whether it can be trusted, what it fired, and who changed it.
 *
 * Given: its id. Gives: its condition, precision by feedback, what was held back, a dry run, its alerts and versions.
 * Never: a precision of what nobody judged.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { request, session, useAsking, useLoad } from '../api.js';
import { instant, isUnknown, percent, plural, shortDateTime } from '../format.js';
import { link, navigate, zone } from '../url.js';
import { condition, lasted, scope, severityLook, stateLook } from '../alert/words.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Figure } from '../parts/chip.js';
import { toast } from '../parts/toast.js';
import { NotAllowed } from '../parts/form.js';
import { RuleForm } from './rule-form.js';
import { Replay } from './rule-replay.js';

export const title = 'Rule';
export const name = 'Alert rule';
export const styles = '/assets/pages/alerts.css';

/** @param {{argument: string}} props */
export function View({ argument }) {
  const load = useLoad(`/api/v1/rules/${argument}`, { subject: argument });
  const [editing, setEditing] = useState(false);
  if (load.error?.status === 404) return html`<${Card} title="No such rule"><${Empty} title="There is no rule under this id; it may have been deleted."><a class="button" href=${link('/alerts/rules', {}, ['tz'])}>All rules</a><//><//>`;
  return html`<div class="page alert-page"><p class="crumb"><a href=${link('/alerts/rules', {}, ['tz'])}>Rules</a></p>
    <${Faces} load=${load} what="this rule" boxed=${true}>${(/** @type {any} */ rule) => html`
      ${editing ? html`<${RuleForm} rule=${rule} close=${() => setEditing(false)} done=${(/** @type {string} */ text) => { setEditing(false); load.reload(); toast(text); }} />` : html`<${Head} rule=${rule} changed=${load.reload} edit=${() => setEditing(true)} />`}
      <div class="alert-body"><div><${Fired} id=${rule.id} /></div><div><${Trust} rule=${rule} /><${Versions} id=${rule.id} /></div></div>`}<//></div>`;
}

/** @param {{rule: any, changed: () => void, edit: () => void}} props */
function Head({ rule, changed, edit }) {
  const { wrong, ask } = useAsking();
  const [replay, setReplay] = useState(/** @type {any} */ (null));
  const admin = session.value?.role === 'admin';
  const toggle = () => ask(async () => { await request(`/api/v1/rules/${rule.id}/${rule.enabled ? 'disable' : 'enable'}`, { method: 'POST' }); changed(); });
  const dry = () => ask(async () => setReplay(await request('/api/v1/rules/backtest', { method: 'POST', body: { rule: rule.id, from: 'now-30d', to: 'now' } })));
  const remove = () => ask(async () => { await request(`/api/v1/rules/${rule.id}`, { method: 'DELETE' }); toast(`Deleted: ${rule.name}`); navigate(link('/alerts/rules', {}, ['tz'])); });
  const [sure, setSure] = useState(false);
  const denied = admin ? undefined : 'Needs the admin role';
  return html`<${Card} title=${rule.name} sub=${rule.enabled ? 'on' : 'off'} actions=${html`<${Chip} look=${severityLook(rule.severity)} plain=${true} />`}>
    <div class="story"><p><code>${condition(rule)}</code>${scope(rule) ? html` <span class="quiet">${scope(rule)}</span>` : null}</p>
      ${rule.annotations?.description ? html`<p>${rule.annotations.description}</p>` : null}
      <p class="quiet small">${[`not again within ${rule.cooldown_minutes} min`, rule.max_alerts_per_hour ? `${plural(rule.max_alerts_per_hour, 'message')} an hour at most` : 'no hourly limit', rule.min_events ? `nothing said of fewer than ${rule.min_events} events` : '', `no data: ${rule.no_data}`, rule.notification_channels?.length ? `told to ${rule.notification_channels.join(', ')}` : 'told by the routes'].filter(Boolean).join(' · ')}</p>
      ${wrong ? html`<p class="field-error" role="alert">${wrong}</p>` : null}
      <${NotAllowed} what="Changing a rule" />
      <p class="story-links"><button class="button primary" disabled=${!admin} title=${denied} onClick=${edit}>Edit</button><button class="button" disabled=${!admin} title=${denied} onClick=${toggle}>${rule.enabled ? 'Switch off' : 'Switch on'}</button><button class="button" onClick=${dry}>Dry run over 30 days</button>
        ${sure ? html`<span>Delete ${rule.name}?</span><button class="button" onClick=${remove}>Delete it</button><button class="button" onClick=${() => setSure(false)}>Keep it</button>` : html`<button class="button" disabled=${!admin} title=${denied} onClick=${() => setSure(true)}>Delete …</button>`}</p></div>
    ${replay ? html`<${Replay} replay=${replay} unit=${rule.unit} />` : null}<//>`;
}

const WHY = /** @type {Record<string, string>} */ ({ silenced: 'by a silence', maintenance: 'by maintenance', inhibited: 'by another alert', cooldown: 'told there a while ago', quiet_hours: 'in quiet hours', limit: 'above the hourly limit', flapping: 'while flapping', acknowledged: 'somebody had it', preferences: 'nobody wants to hear it', no_route: 'that no route takes' });

/** @param {{rule: any}} props */
function Trust({ rule }) {
  const load = useLoad('/api/v1/alerts/precision', { every: 30_000 });
  return html`<${Card} title="Can it be trusted?" sub="30 days" busy=${load.busy}><${Faces} load=${load} what="its precision">${(/** @type {any} */ data) => {
    const one = data.items.find((/** @type {any} */ each) => each.rule_id === rule.id) ?? { fired: 0, judged: 0, useful: 0, precision: null, held_back: {} };
    const held = Object.entries(one.held_back);
    return html`<dl class="figures trust"><div><dt>Fired</dt><dd>${plural(one.fired, 'time')}</dd></div><div><dt>Useful</dt><dd><${Figure}>${isUnknown(one.precision) ? '—' : percent(one.precision)}<//></dd></div></dl>
      <p class="face-note">${one.judged ? `${one.useful} of ${plural(one.judged, 'alert')} that somebody judged had to be known.` : one.fired ? 'Nobody has said yet whether its alerts were useful: each alert asks.' : 'It has not fired in this time.'}</p>
      ${held.length ? html`<dl class="pairs">${held.map(([why, count]) => html`<div key=${why}><dt>Held back</dt><dd>${plural(Number(count), 'alert')} ${WHY[why] ?? why.replaceAll('_', ' ')}</dd></div>`)}</dl>` : null}`;
  }}<//><//>`;
}

/** @param {{id: string}} props */
function Fired({ id }) {
  const load = useLoad(`/api/v1/alerts?rule_id=${id}&limit=50`, { every: 10_000 });
  return html`<${Card} title="Its alerts" busy=${load.busy}><${Faces} load=${load} what="its alerts">${(/** @type {any} */ data) => (data.items.length ? html`<ol class="alert-list">${data.items.map((/** @type {any} */ one) => html`<li key=${one.id} class=${`alert-row rule-alert ${one.state}`}><${Chip} look=${stateLook(one)} plain=${true} />
    <div class="alert-what"><a href=${link(`/alerts/${one.id}`, {}, ['tz'])}>${one.message}</a></div><span class="alert-when quiet"><${Ago} ms=${instant(one.started_at)} />${one.resolved_at ? ` · ${lasted(instant(one.started_at), instant(one.resolved_at))}` : ''}</span></li>`)}</ol>` : html`<${Empty} title="It has fired nothing that is still kept." />`)}<//><//>`;
}

/** @param {{id: string}} props */
function Versions({ id }) {
  const load = useLoad(`/api/v1/rules/${id}/history`, { subject: id });
  return html`<${Card} title="Versions" busy=${load.busy}><${Faces} load=${load} what="its versions">${(/** @type {any} */ data) => html`<ol class="timeline versions">${data.items.slice(0, 20).map((/** @type {any} */ one) => html`<li key=${one.version}><span class="quiet">${shortDateTime(Number(instant(one.updated_at)), zone.value)}</span><div><b>${one.version}</b> <span class="quiet">by ${one.updated_by}</span><p class="small"><code>${condition(one)}</code>${one.enabled ? '' : ' · off'}</p></div></li>`)}</ol>`}<//><//>`;
}
