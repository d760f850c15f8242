// @ts-check
/** What Trends draws below its course on demand: the hours of the week, and the same metric by model, service and so on. Never: cells of another zone than the page's. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { instant, isUnknown, percent, plural } from '../format.js';
import { formatFilter } from '../filters.js';
import { link, params, setParams, spell, zone } from '../url.js';
import { measure } from '../units.js';
import { byWeekday } from '../heat.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { ChartCard } from '../charts/frame.js';
import { Heat, nameOf } from '../charts/heat.js';
import { Lines } from '../charts/lines.js';

/** What an hour of the ledger says of a metric, and what it weighs beside other hours. @type {Record<string, [string, string, boolean]>} */
const OF_HOURS = {
  latency: ['avg_latency', 'ms', true], error_rate: ['error_rate', '1', true], requests: ['total_requests', '{call}', false], hourly_cost: ['total_cost', 'usd', false], cost: ['total_cost', 'usd', false],
  input_tokens: ['input_tokens', '{token}', false], output_tokens: ['output_tokens', '{token}', false],
};
const WEEKS = 4;
const GROUPS = /** @type {Record<string, string>} */ ({ '': 'Nothing', model: 'Model', provider: 'Provider', service: 'Service', feature: 'Feature', user_tier: 'User tier', tenant: 'Tenant' });
const MOST = 12;
const SINCE = /** @type {Record<string, string>} */ ({ hour: 'now-1h', day: 'now-24h', week: 'now-7d', month: 'now-30d' });

/** Whether a metric is known by the hour. @param {string} metric */
const isHourly = (metric) => Object.hasOwn(OF_HOURS, metric);

/** @param {{metric: string, name: string}} props */
export function More({ metric, name }) {
  return isHourly(metric) ? html`<div class="trends-more" key=${metric}><${Week} metric=${metric} name=${name} /><${Apart} metric=${metric} name=${name} /></div>` : null;
}

/** @param {{metric: string, name: string}} props */
function Week({ metric, name }) {
  const [key, unit, weighed] = OF_HOURS[metric];
  const load = useLoad(`/api/v1/statistics/series?level=1hour&from=now-${WEEKS * 7}d`, { every: 300_000 });
  const { say } = measure(unit);
  const buckets = load.data?.series[0]?.buckets ?? [];
  const cells = byWeekday(buckets.map((/** @type {any} */ one) => ({ at: Number(instant(one.bucket)), value: isUnknown(one[key]) || !one.total_requests ? null : Number(one[key]), weight: weighed ? one.total_requests : 1 })), zone.value);
  const known = cells.flat().filter((cell) => cell.value !== null);
  const most = known.reduce((/** @type {any} */ best, cell) => (!best || Number(cell.value) > Number(best.value) ? cell : best), null);
  const text = (/** @type {number | null} */ value) => say(value);
  const sub = most ? `mean of an hour over ${WEEKS} weeks, ${zone.value}; most on ${nameOf(most)}: ${text(most.value)}` : `the last ${WEEKS} weeks`;
  return html`<${ChartCard} title="Hours of the week" sub=${sub} busy=${load.busy} legend=${[]} empty=${!known.length} table=${() => ({ columns: ['When', name, 'Hours with data'], rows: cells.flat().map((cell) => [nameOf(cell), say(cell.value), cell.hours]) })}>
    <${Faces} load=${load} what="the hours of the week" blank=${html`<div class="face blank heat-blank"></div>`}>${() => (known.length ? html`<${Heat} statement=${`${name} by hour and weekday: ${sub}`} cells=${cells} text=${text} of=${(/** @type {number} */ n) => `mean of ${plural(n, 'hour')}`} />` : html`<${Empty} title=${`No model calls in ${WEEKS} weeks.`} />`)}<//><//>`;
}

/** @param {{metric: string, name: string}} props */
function Apart({ metric, name }) {
  const asked = params.value.get('by') ?? '';
  const by = Object.hasOwn(GROUPS, asked) ? asked : '';
  const period = params.value.get('period') ?? 'day';
  const load = useLoad(by ? `/api/v1/statistics/series?level=1day&from=${period === 'hour' ? SINCE.day : SINCE[period] ?? SINCE.day}&group_by=${by}` : null, { subject: `${by} ${period}` });
  const calls = (/** @type {any} */ one) => one.buckets.reduce((/** @type {number} */ sum, /** @type {any} */ bucket) => sum + (bucket.total_requests ?? 0), 0);
  const all = (load.data?.series ?? []).filter((/** @type {any} */ one) => one.category).sort((/** @type {any} */ a, /** @type {any} */ b) => calls(b) - calls(a));
  const choice = html`<label class="inline-label">Side by side <select value=${by} onChange=${(/** @type {any} */ event) => setParams({ by: event.currentTarget.value || null }, { keepScroll: true })}>${Object.entries(GROUPS).map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}</select></label>`;
  return html`<${Card} title=${`${name}, side by side`} sub=${by && all.length > MOST ? `the ${MOST} with most calls of ${all.length}` : 'each with an axis of its own'} actions=${choice} busy=${Boolean(by) && load.busy} class="apart-card">
    ${by ? html`<${Faces} load=${load} what="the groups" blank=${html`<div class="face blank"></div>`}>${() => (all.length ? html`<div class="multiples">${all.slice(0, MOST).map((/** @type {any} */ one) => html`<${One} key=${`${by} ${one.category}`} metric=${metric} by=${by} category=${one.category} />`)}</div>` : html`<${Empty} title="No model calls with one in this time." />`)}<//>` : html`<p class="face-note">Choose by what: a small chart for each of up to ${MOST}.</p>`}<//>`;
}

/** @param {{metric: string, by: string, category: string}} props */
function One({ metric, by, category }) {
  const period = params.value.get('period') ?? 'day';
  const search = new URLSearchParams({ metric, period, f: formatFilter({ key: by, op: ':', value: category, negated: false }) });
  const load = useLoad(`/api/admin/monitoring/metrics/history${spell(search)}`, { every: 60_000, subject: `${search}` });
  const { say, axis } = measure(load.data?.unit);
  const points = load.data?.points ?? [];
  const timed = points.some((/** @type {any} */ one) => 'p95' in one);
  const key = timed ? 'p95' : 'value';
  const values = [points.map((/** @type {any} */ one) => (isUnknown(one[key]) ? null : Number(one[key])))];
  const times = points.map((/** @type {any} */ one) => Number(instant(one.timestamp)) / 1000);
  const covered = load.data?.coverage;
  const said = load.data ? `${say(load.data.average)} on average${isUnknown(covered) || covered >= 1 ? '' : `, data in ${percent(covered)} of the time`}` : '';
  return html`<section class="multiple" aria-label=${category}><h3 title=${category}><a href=${link('/traces', { f: [formatFilter({ key: by, op: ':', value: category, negated: false })], from: SINCE[period] ?? SINCE.day }, ['tz'])}>${category}</a> <span class="quiet">${said}</span></h3>
    <${Faces} load=${load} what=${category} blank=${html`<div class="face blank"></div>`}>${() => html`<${Lines} statement=${`${category}: ${said}`} times=${times} values=${values} lines=${[{ label: timed ? 'p95' : 'value', slot: timed ? 2 : 1, width: 1.75 }]} text=${(/** @type {number | null} */ value) => say(value)} axis=${axis} height=${120} />`}<//></section>`;
}
