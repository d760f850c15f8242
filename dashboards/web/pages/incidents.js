// @ts-check
/**
 * Incidents: alerts that fired together, and what else happened then: deployments, health, silences, notes.
 *
 * Given: the range of the URL; an id in the path for one of them. Gives: the list, or one timeline.
 * Never: a cause that nobody stated; what stands beside one another happened at the same time, no more.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, session, useAsking, useLoad } from '../api.js';
import { absolute, duration, instant, plural, shortDateTime } from '../format.js';
import { link, rangeOr, spell, zone } from '../url.js';
import { label } from '../time.js';
import { severityLook } from '../alert/words.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { AlertPlaces } from '../parts/places.js';

export const title = 'Incidents';
export const styles = '/assets/pages/alerts.css';
export const range = 'now-7d';

/** @param {{argument: string}} props */
export function View({ argument }) {
  return argument ? html`<${Whole} id=${argument} />` : html`<${All} />`;
}

function All() {
  const asked = rangeOr(range);
  const load = useLoad(`/api/v1/incidents${spell(new URLSearchParams({ from: asked.from, to: asked.to, limit: '200' }))}`, { every: 15_000 });
  return html`<div class="page alerts-page"><${AlertPlaces} />
    <${Card} title="Incidents" sub=${`${load.data ? `${plural(load.data.items.length, 'incident')}, ` : ''}${label(asked, Date.now(), zone.value)}`} busy=${load.busy}><${Faces} load=${load} what="incidents" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (data.items.length ? html`<ol class="alert-list">${data.items.map((/** @type {any} */ one) => html`<li key=${one.id} class="alert-row incident-row">
      <${Chip} look=${severityLook(one.severity)} />
      <div class="alert-what"><a href=${link(`/alerts/incidents/${one.id}`, {}, ['tz'])}>${one.title}</a><p class="quiet small">${[plural(one.alerts, 'alert'), ...one.services].join(' · ')}</p></div>
      <span class="alert-when quiet"><${Ago} ms=${instant(one.started_at)} /></span><span class="alert-acts quiet small">${one.ended_at === null ? 'lasts' : 'lasted'} ${duration(one.duration_s * 1e9)}</span></li>`)}</ol>` : html`<${Empty} title="Nothing fired in this time." />`)}<//><//></div>`;
}

const KINDS = /** @type {Record<string, string>} */ ({ deployment: 'link', alert: 'bell', silence: 'silence', maintenance: 'silence', health: 'pulse', note: 'lines' });

/** @param {{id: string}} props */
function Whole({ id }) {
  const load = useLoad(`/api/v1/incidents/${id}`, { every: 10_000, subject: id });
  const { wrong, ask } = useAsking();
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    ask(async () => {
      await request(`/api/v1/incidents/${id}/notes`, { method: 'POST', body: { note: String(new FormData(form).get('note')).trim() } });
      form.reset();
      load.reload();
    });
  };
  if (load.error?.status === 404) return html`<${Card} title="No such incident"><${Empty} title="There is no incident under this id."><a class="button" href=${link('/alerts/incidents', {}, ['tz'])}>All incidents</a><//><//>`;
  return html`<div class="page alert-page"><p class="crumb"><a href=${link('/alerts/incidents', {}, ['tz'])}>Incidents</a></p><${Faces} load=${load} what="this incident" boxed=${true}>${(/** @type {any} */ one) => html`
    <section class=${`sentence ${one.ended_at === null ? severityLook(one.severity).tone : 'ok'}`} aria-label="This incident"><${Icon} name=${one.ended_at === null ? severityLook(one.severity).icon : 'tick'} /><div class="sentence-text"><h2>${one.title}</h2><p>${[severityLook(one.severity).word, plural(one.alerts, 'alert'), one.services.join(', ')].filter(Boolean).join(' · ')} · ${shortDateTime(Number(instant(one.started_at)), zone.value)}, ${one.ended_at === null ? 'lasts' : 'lasted'} ${duration(one.duration_s * 1e9)}</p></div></section>
    <div class="alert-body"><${Card} title="What happened, in order" sub=${plural(one.timeline.length, 'entry', 'entries')}><ol class="timeline">${one.timeline.map((/** @type {any} */ each, /** @type {number} */ index) => html`<li key=${index}><time class="mono quiet" datetime=${each.at} title=${each.at}>${absolute(Number(instant(each.at)), zone.value)}</time><div><${Icon} name=${KINDS[each.kind] ?? 'dash'} /> ${each.alert_id ? html`<a href=${link(`/alerts/${each.alert_id}`, {}, ['tz'])}>${each.text}</a>` : each.text}${each.by ? html` <span class="quiet">${each.by}</span>` : null}</div></li>`)}</ol>
      ${session.value?.role === 'admin' ? html`<form class="note-form" onSubmit=${submit}><input name="note" required maxlength="2000" aria-label="Note" placeholder="What was found, what was done" autocomplete="off" /><button class="button" type="submit">Add note</button></form><p class="field-error" role="status">${wrong}</p>` : null}<//>
      <${Card} title="Alerts"><ul class="told">${one.members.map((/** @type {any} */ each) => html`<li key=${each.id}><${Chip} look=${severityLook(each.severity)} /><div><a href=${link(`/alerts/${each.id}`, {}, ['tz'])}>${each.title ?? each.rule_name}</a><p class="quiet small">${shortDateTime(Number(instant(each.started_at)), zone.value)}${each.resolved_at ? ` – ${shortDateTime(Number(instant(each.resolved_at)), zone.value)}` : ', fires'}</p></div></li>`)}</ul><//></div>`}<//></div>`;
}
