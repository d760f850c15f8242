// @ts-check
/** How a service did over a day, and what went out: two charts with marks, and its deployments. Never: a line drawn through a time in which nothing came. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { absolute, instant, isUnknown, minute, plural, shortDateTime, whole } from '../format.js';
import { link, navigate, params, spell, zone } from '../url.js';
import { absoluteRange } from '../time.js';
import { measure } from '../units.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { ChartCard } from '../charts/frame.js';
import { Bars } from '../charts/bars.js';
import { Lines } from '../charts/lines.js';
import { useMarks } from '../charts/marks.js';

const SLOW_MS = 60_000;
const LINES = [{ label: 'p99', key: 'p99', slot: 6, width: 1.25 }, { label: 'p95', key: 'p95', slot: 2, width: 1.75 }, { label: 'p50', key: 'p50', slot: 1, width: 1.75 }];

/** @param {string} service @param {string} metric */
const ask = (service, metric) => `/api/admin/monitoring/metrics/history${spell(new URLSearchParams({ metric, period: 'day', f: `service:${service}` }))}`;

/** @param {{service: string}} props */
export function Courses({ service }) {
  const latency = useLoad(ask(service, 'latency'), { every: SLOW_MS, subject: service });
  const rate = useLoad(ask(service, 'error_rate'), { every: SLOW_MS, subject: service });
  const data = latency.data;
  const marks = useMarks(data ? instant(data.from) : null, data ? instant(data.to) : null, { service });
  const some = data?.points.some((/** @type {any} */ one) => one.count);
  if (data && !some) return null;
  const step = (data?.step_s ?? 900) * 1000;
  const open = (/** @type {number} */ from, /** @type {number} */ to) => navigate(link('/traces', { f: `service:${service}`, ...absoluteRange(Math.floor(from / step) * step, Math.max(Math.ceil(to / step) * step, Math.floor(from / step) * step + step)) }, ['tz']));
  return html`<div class="services-two">
    <${Latency} load=${latency} marks=${marks} open=${open} /><${Calls} load=${rate} marks=${marks} open=${open} /></div>`;
}

/** @param {{load: import('../api.js').Load, marks: import('../charts/marks.js').Happened, open: (from: number, to: number) => void}} props */
function Latency({ load, marks, open }) {
  const data = load.data;
  const { say, axis } = measure(data?.unit);
  const points = data?.points ?? [];
  const times = points.map((/** @type {any} */ one) => Number(instant(one.timestamp)) / 1000);
  const values = LINES.map((line) => points.map((/** @type {any} */ one) => (isUnknown(one[line.key]) ? null : Number(one[line.key]))));
  const last = (/** @type {string} */ key) => points.findLast((/** @type {any} */ one) => !isUnknown(one[key]))?.[key] ?? null;
  const table = () => ({ columns: ['When', 'p50', 'p95', 'p99', 'Calls'], rows: points.map((/** @type {any} */ one) => [html`<time datetime=${one.timestamp}>${shortDateTime(Number(instant(one.timestamp)), zone.value)}</time>`, say(one.p50), say(one.p95), say(one.p99), whole(one.count)]) });
  return html`<${ChartCard} title="Model calls, time" sub="24 hours" busy=${load.busy} empty=${!data} marks=${marks} table=${table} legend=${[...LINES].reverse().map((line) => ({ label: line.label, slot: line.slot, line: true, value: say(last(line.key)) }))}>
    ${data ? html`<${Lines} statement=${`Time of its model calls over 24 hours, p95 last ${say(last('p95'))}`} times=${times} values=${values} lines=${LINES} band=${[0, 2]} text=${say} axis=${axis} height=${190} onPick=${open} marks=${marks} />` : html`<${Faces} load=${load} what="its course">${() => null}<//>`}<//>`;
}

/** @param {{load: import('../api.js').Load, marks: import('../charts/marks.js').Happened, open: (from: number, to: number) => void}} props */
function Calls({ load, marks, open }) {
  const data = load.data;
  const step = (data?.step_s ?? 900) * 1000;
  const points = data?.points ?? [];
  const buckets = points.map((/** @type {any} */ one, /** @type {number} */ index) => {
    const at = Number(instant(one.timestamp));
    const failed = isUnknown(one.value) ? 0 : Math.round(one.value * one.count);
    return { at, end: at + step, partial: index === points.length - 1, values: one.count ? [failed, one.count - failed] : [null, null], texts: one.count ? [whole(failed), whole(one.count - failed)] : ['no data', 'no data'], title: shortDateTime(at, zone.value) };
  });
  const sum = (/** @type {number} */ index) => buckets.reduce((/** @type {number} */ all, /** @type {any} */ one) => all + (one.values[index] ?? 0), 0);
  const table = () => ({ columns: ['When', 'Calls', 'Failed'], rows: buckets.map((/** @type {any} */ one) => [one.title, one.values[0] === null ? '—' : whole(one.values[0] + one.values[1]), one.texts[0]]) });
  return html`<${ChartCard} title="Model calls and failures" sub=${`24 hours, per ${step / 6e4} min`} busy=${load.busy} empty=${!data} marks=${marks} table=${table} legend=${[{ label: 'failed', slot: 9, value: whole(sum(0)) }, { label: 'went well', slot: 8, value: whole(sum(1)) }]}>
    ${data ? html`<${Bars} statement=${`${plural(sum(0) + sum(1), 'model call')} in 24 hours, ${whole(sum(0))} failed`} buckets=${buckets} series=${[{ label: 'failed', slot: 9 }, { label: 'went well', slot: 8, faint: true }]} counts=${true} axis=${whole} time=${(/** @type {number} */ ms) => minute(ms, zone.value)} height=${190} onPick=${open} marks=${marks} />` : html`<${Faces} load=${load} what="its calls">${() => null}<//>`}<//>`;
}

/** What went out, newest first; `sel` of the address names one. @param {{service: string}} props */
export function Deployments({ service }) {
  const load = useLoad(`/api/v1/deployments${spell(new URLSearchParams({ service, from: 'now-30d', limit: '20' }))}`, { every: SLOW_MS, subject: service });
  const chosen = params.value.get('sel');
  const tell = `curl -X POST ${location.origin}/api/v1/deployments -H "Authorization: Bearer $SPANLEDGER_TOKEN" -H "Content-Type: application/json" -d '{"service":"${service.replace(/['"\\]/g, '')}","version":"1.8.0"}'`;
  return html`<${Card} title="Deployments" sub="30 days" busy=${load.busy}><${Faces} load=${load} what="its deployments">${(/** @type {any} */ data) => (data.items.length ? html`<ul class="list">${data.items.map((/** @type {any} */ one) => {
    const at = Number(instant(one.at));
    return html`<li key=${one.id} class=${`deployment${one.id === chosen ? ' chosen' : ''}`} aria-current=${one.id === chosen ? 'true' : undefined}><span class="list-row"><span class="list-main"><b>${one.version}</b><span class="list-sub">${[one.environment, one.note, one.by ? `by ${one.by}` : ''].filter(Boolean).join(' · ')}</span></span>
      <span class="list-side"><time datetime=${one.at} title=${absolute(at, zone.value)}>${shortDateTime(at, zone.value)}</time><span>${one.url && /^https?:\/\//.test(one.url) ? html`<a href=${one.url} target="_blank" rel="noreferrer noopener">Its run</a> · ` : null}<a href=${link('/traces', { f: `service:${service}`, ...absoluteRange(at, at + 18e5) }, ['tz'])}>Traces after it</a></span></span></span></li>`;
  })}</ul>` : html`<${Empty} title="Nobody has told of a deployment of it."><p class="quiet">A line in the pipeline marks each on every chart:</p><${Command} text=${tell} /><//>`)}<//><//>`;
}
