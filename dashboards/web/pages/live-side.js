// @ts-check
/** The right column of Live: alerts, and services with a day of beats. Never: "no alert" while a rule cannot be evaluated. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { count, instant, isUnknown, milliseconds, plural } from '../format.js';
import { look } from '../status.js';
import { topics } from '../live.js';
import { link } from '../url.js';
import { labelsOf, measured, severityLook, stateLook } from '../alert/words.js';
import { useSteady } from '../parts/hooks.js';
import { Card, Empty } from '../parts/card.js';
import { Ago, Chip, Money } from '../parts/chip.js';
import { Beats } from '../charts/beats.js';

const MOST_ALERTS = 5;
const MOST_SERVICES = 12; // worst first; hundreds would be drawn anew each second

/** A moment as the server may write it: RFC 3339, or seconds since 1970. @param {string | number | null} value */
export const moment = (value) => (typeof value === 'number' ? value * 1000 : instant(value));

export function Alerts() {
  const told = topics.alerts.value;
  const { shown, waiting, hold } = useSteady(told?.items ?? [], (/** @type {any} */ one) => one.id);
  const rows = shown.slice(0, MOST_ALERTS);
  const sub = !told ? '' : [[told.needs, 'open'], [told.acknowledged, 'acknowledged'], [told.held_back, 'held back'], [told.pending, 'pending']].filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(' · ');
  const blind = told?.unevaluated ? html`<p class="more"><a href=${link('/alerts', {}, ['tz'])}>${plural(told.unevaluated, 'rule')} cannot be evaluated</a></p>` : null;
  const more = told ? told.needs + told.acknowledged + told.held_back + told.pending + told.unevaluated - rows.length : 0;
  return html`<${Card} title="Alerts" sub=${sub || (told ? 'none' : '')} busy=${!told} actions=${html`<a href=${link('/alerts', {}, ['tz'])}>All</a>`}>
    ${!told ? html`<div class="face blank"></div>` : rows.length ? html`<ul class="list" ...${hold}>${rows.map((one) => html`<li key=${one.id}><a class="list-row live-alert" href=${link(`/alerts/${one.id}`, {}, ['tz'])}>
      <span class="list-main"><b title=${one.message}>${one.rule_name ?? one.message}</b><span class="list-sub">${[measured(one), ...labelsOf(one.labels).map(([name, text]) => `${name} ${text}`)].filter(Boolean).join(' · ') || one.message}</span></span>
      <span class="list-side"><${Ago} ms=${instant(one.started_at)} />${one.state === 'firing' && !one.acknowledged && !one.held_back ? null : html`<span class="list-sub">${stateLook(one).word}</span>`}</span>
      <${Chip} look=${severityLook(one.severity)} />
    </a></li>`)}</ul>${more > 0 || waiting ? html`<p class="more"><a href=${link('/alerts', {}, ['tz'])}>${more > 0 ? `${more} more` : `${waiting} new`}</a></p>` : null}${blind}` : html`<p class="face-note">${told.unevaluated ? 'No alert fires, but not every rule is watched.' : 'No alert fires.'}</p>${blind}`}
  <//>`;
}

/** @param {{services: any[]}} props */
export function Services({ services }) {
  const days = useLoad('/api/v1/health/beats', { every: 60_000 });
  const beats = new Map((days.data?.services ?? []).map((/** @type {any} */ one) => [one.name, one.beats]));
  const { shown, hold } = useSteady(services, (one) => one.service);
  const counts = ['critical', 'warning', 'unknown', 'ok'].map((level) => [level, services.filter((one) => one.state === level).length]).filter(([, n]) => n);
  const well = services.filter((one) => one.state === 'ok').length;
  const sub = well ? `${well} of ${services.length} healthy` : counts.map(([level, n]) => `${n} ${look(String(level)).word.toLowerCase()}`).join(' · ');
  return html`<${Card} title="Services" sub=${sub} actions=${html`<a href=${link('/services', {}, ['tz'])}>All</a>`}>
    ${services.length ? html`<ul class="list" ...${hold}>${shown.slice(0, MOST_SERVICES).map((one) => html`<li key=${one.service}><a class="list-row" href=${link('/traces', { f: `service:${one.service}`, from: 'now-15m' }, ['tz'])}>
      <span class="list-main"><b>${one.service}</b><span class="list-sub">${subline(one)}</span>${beats.has(one.service) ? html`<span class="live-beats"><${Beats} beats=${beats.get(one.service)} /></span>` : null}</span>
      <span class="list-side">${one.state === 'unknown' ? html`<${Ago} ms=${moment(one.last_seen)} />` : html`${isUnknown(one.cost) ? null : html`<${Money} value=${one.cost} />`}${isUnknown(one.p95_ms) ? null : html`<span class="list-sub">p95 ${milliseconds(one.p95_ms)}</span>`}`}</span>
      <${Chip} look=${look(one.state)} title=${one.reason ?? undefined} />
    </a></li>`)}</ul>${services.length > MOST_SERVICES ? html`<p class="more"><a href=${link('/services', {}, ['tz'])}>${services.length - MOST_SERVICES} more</a></p>` : null}` : html`<${Empty} title="No service has reported in 24 hours." />`}
  <//>`;
}

/** @param {any} one */
function subline(one) {
  if (one.state !== 'ok' && one.reason) return one.reason;
  const pieces = [];
  if (one.calls) pieces.push(`${count(one.calls)} ${one.calls === 1 ? 'call' : 'calls'}`);
  if (one.errors) pieces.push(`${count(one.errors)} failed`);
  if (!pieces.length && one.spans) pieces.push(plural(one.spans, 'span'));
  return pieces.join(' · ') || 'no calls';
}
