// @ts-check
/**
 * Trends: how it changed, against the same length of time before, and at which hours.
 *
 * Given: a metric, a period and a stretch of it from the URL. Gives: its course with percentiles and what happened beside it, the other figures, the hours of the day.
 * Never: a line drawn through a time in which nothing came, or "unchanged" of what has no figure to compare with.
 */
import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { UNKNOWN, duration, instant, isUnknown, minute, percent, plural, shortDateTime, whole } from '../format.js';
import { link, navigate, params, setParams, spell, zone } from '../url.js';
import { absoluteRange, resolve } from '../time.js';
import { measure } from '../units.js';
import { usePageKeys } from '../keys.js';
import { Card, Empty, Faces, FirstSteps } from '../parts/card.js';
import { Figure } from '../parts/chip.js';
import { ChartCard } from '../charts/frame.js';
import { Lines } from '../charts/lines.js';
import { Bars } from '../charts/bars.js';
import { useMarks } from '../charts/marks.js';
import { Later } from '../parts/later.js';
import { logarithmic } from '../charts/log.js';
import { Seen } from '../parts/seen.js';
import { Segments } from '../parts/segments.js';
import { Views } from '../parts/views.js';

export const title = 'Trends';
export const styles = '/assets/pages/trends.css';
const PERIODS = { hour: 'Hour', day: 'Day', week: 'Week', month: '30 days' };
const LENGTHS = /** @type {Record<string, string>} */ ({ hour: 'hour', day: 'day', week: 'week', month: '30 days' });
const USUAL = 'latency';
/** Days back to the same weekday: what a week before is for the period. */
const BEFORE = /** @type {Record<string, number>} */ ({ hour: 7, day: 7, week: 7, month: 28 });
const SELECTED = [
  ['latency', 'Model calls, time'], ['error_rate', 'Model calls, failures'], ['requests', 'Model calls'], ['hourly_cost', 'Spend an hour'], ['cost', 'Spend'], ['input_tokens', 'Tokens sent'], ['output_tokens', 'Tokens received'],
  ['cache_hit_rate', 'Cache hits'], ['response_time', 'HTTP requests, time'], ['request_error_rate', 'HTTP requests, failures'], ['request_count', 'HTTP requests'], ['cpu_usage', 'Processors'], ['memory_usage', 'Memory'],
];
const PERCENTILES = [{ label: 'p99', key: 'p99', slot: 6, width: 1.25 }, { label: 'p95', key: 'p95', slot: 2, width: 1.75 }, { label: 'p50', key: 'p50', slot: 1, width: 1.75 }];

export function View() {
  const asked = params.value.get('period') ?? '';
  const period = asked in PERIODS ? asked : 'day';
  const metric = params.value.get('metric') ?? USUAL;
  const history = useLoad(`/api/admin/monitoring/metrics/history${spell(new URLSearchParams({ metric, period }))}`, { every: 30_000, subject: `${metric} ${period}` });
  const trends = useLoad(`/api/admin/monitoring/performance/trends${spell(new URLSearchParams({ period, tz: zone.value }))}`, { every: 60_000, subject: period });
  const expected = useLoad(history.data ? `/api/admin/monitoring/metrics/expected${spell(new URLSearchParams({ metric, period }))}` : null, { every: 300_000, subject: `${metric} ${period}` });
  const compared = params.value.get('compare') === 'before';
  const before = useLoad(compared ? `/api/admin/monitoring/metrics/history${spell(new URLSearchParams({ metric, period, to: `now-${BEFORE[period]}d` }))}` : null, { every: 300_000, subject: `${metric} ${period}` });
  const log = params.value.get('scale') === 'log';
  const names = useLoad('/api/v1/metrics');
  const zoomed = params.value.has('from') && params.value.has('to') ? resolve({ from: String(params.value.get('from')), to: String(params.value.get('to')) }, Date.now()) : null;
  const step = (/** @type {number} */ by) => { const all = Object.keys(PERIODS); setParams({ period: all[Math.max(0, Math.min(all.length - 1, all.indexOf(period) + by))], from: null, to: null }); };
  usePageKeys({ '+': () => step(-1), '-': () => step(1), z: () => setParams({ from: null, to: null }), c: () => setParams({ compare: compared ? null : 'before' }), l: () => setParams({ scale: log ? null : 'log' }) });
  const toggle = (/** @type {string} */ name, /** @type {string} */ value, /** @type {boolean} */ on, /** @type {string} */ text, /** @type {string} */ key) => html`<button class="button" aria-pressed=${on} title=${`${text} (${key})`} onClick=${() => setParams({ [name]: on ? null : value })}>${text}</button>`;
  return html`<div class="page trends-page">
    <div class="bar"><${Segments} label="Period" name="period" value=${period} options=${PERIODS} /><${MetricChoice} metric=${metric} names=${names.data?.items ?? []} /><div class="toggles" role="group" aria-label="How it is drawn">${toggle('compare', 'before', compared, BEFORE[period] === 7 ? 'A week before' : 'Four weeks before', 'c')}${toggle('scale', 'log', log, 'Log scale', 'l')}</div><span class="bar-end"><${Views} /></span></div>
    <${Course} load=${history} expected=${log ? null : expected.data} before=${compared ? before.data : null} log=${log} metric=${metric} period=${period} zoomed=${zoomed} />
    <${Faces} load=${trends} what="trends" boxed=${true} blank=${html`<div class="card blank trends-blank"></div>`}>${(/** @type {any} */ data) => html`<${Against} data=${data} metric=${metric} period=${period} /><${Hours} data=${data} />`}<//>
    <${Seen} when=${Boolean(trends.data || trends.error)} blank=${html`<div class="card blank more-blank"></div>`}>${() => html`<${Later} load=${() => import('./trends-more.js')} part="More" blank=${html`<div class="card blank more-blank"></div>`} metric=${metric} name=${SELECTED.find(([one]) => one === metric)?.[1] ?? metric} />`}<//>
  </div>`;
}

/** @param {{metric: string, names: any[]}} props */
function MetricChoice({ metric, names }) {
  const sent = names.map((one) => (typeof one === 'string' ? one : one.name)).filter((name) => !SELECTED.some(([ours]) => ours === name));
  const known = SELECTED.some(([name]) => name === metric) || sent.includes(metric);
  return html`<label class="inline">Metric<select value=${metric} onChange=${(/** @type {any} */ event) => setParams({ metric: event.target.value })}>
    ${known ? null : html`<option value=${metric}>${metric}</option>`}
    <optgroup label="Computed here">${SELECTED.map(([name, text]) => html`<option value=${name}>${text}</option>`)}</optgroup>
    ${sent.length ? html`<optgroup label="Sent by services">${sent.map((name) => html`<option value=${name}>${name}</option>`)}</optgroup>` : null}</select></label>`;
}

/** What of the points the address asks for: all, or those of the stretch that was dragged over. @param {any[]} points @param {{start: number, end: number} | null} zoomed */
const within = (points, zoomed) => (zoomed ? points.filter((one) => { const at = Number(instant(one.timestamp)); return at >= zoomed.start && at < zoomed.end; }) : points);

/** What was expected at the times of the points; null where nothing is known of any of them. @param {any} data @param {any[]} points @returns {import('../charts/lines.js').Expected | null} */
function expectedAt(data, points) {
  const known = new Map((data?.points ?? []).filter((/** @type {any} */ one) => !isUnknown(one.high)).map((/** @type {any} */ one) => [one.timestamp, one]));
  const row = (/** @type {string} */ key) => points.map((one) => known.get(one.timestamp)?.[key] ?? null);
  return points.some((one) => known.has(one.timestamp)) ? { low: row('low'), high: row('high') } : null;
}

/** What the legend says of it: since when, by which rule, or why there is none. @param {any} data @param {boolean} known @returns {any[]} */
function expectedKey(data, known) {
  if (!data) return [];
  if (!known) return [{ label: 'nothing is expected yet: two days are needed', slot: null, band: true }];
  const seasons = new Set(data.points.map((/** @type {any} */ one) => one.season));
  const figure = data.figure === 'value' ? '' : `${data.figure} `;
  return [{ label: `${figure}expected by earlier ${seasons.has('week') ? 'weeks' : 'days'}`, slot: null, band: true }];
}

/** The same times before, as the points of now have them; null where nothing is known. @param {any} before @param {any[]} points @param {string} key @param {number} days */
function earlier(before, points, key, days) {
  const known = new Map((before?.points ?? []).map((/** @type {any} */ one) => [Number(instant(one.timestamp)) + days * 864e5, one[key]]));
  return points.map((one) => { const value = known.get(Number(instant(one.timestamp))); return isUnknown(value) ? null : Number(value); });
}

/** @param {{load: import('../api.js').Load, expected: any, before: any, log: boolean, metric: string, period: string, zoomed: {start: number, end: number} | null}} props */
function Course({ load, expected, before, log, metric, period, zoomed }) {
  const data = load.data;
  const { say, axis } = measure(data?.unit);
  const points = within(data?.points ?? [], zoomed);
  const timed = (data?.points ?? []).some((/** @type {any} */ one) => 'p95' in one);
  const lines = timed ? PERCENTILES : [{ label: 'value', key: 'value', slot: 1, width: 1.75 }];
  const step = (data?.step_s ?? 60) * 1000;
  const times = points.map((/** @type {any} */ one) => Number(instant(one.timestamp)) / 1000);
  const values = lines.map((line) => points.map((/** @type {any} */ one) => (isUnknown(one[line.key]) ? null : Number(one[line.key]))));
  const key = timed ? 'p95' : 'value';
  const past = before ? earlier(before, points, key, BEFORE[period]) : null;
  const pastName = `${key} ${BEFORE[period] === 7 ? 'a week' : 'four weeks'} before`;
  const drawn = past ? [...lines, { label: pastName, key, slot: 8, width: 1.5, dash: [5, 4] }] : lines;
  const drawnValues = past ? [...values, past] : values;
  const scaled = useMemo(() => (log ? logarithmic(drawnValues) : undefined), [log, data, before, zoomed?.start]);
  const range = expectedAt(expected, points);
  const known = points.map((/** @type {any} */ one) => one.value).filter((/** @type {any} */ value) => !isUnknown(value)).map(Number);
  const marks = useMarks(times.length ? times[0] * 1000 : null, times.length ? Number(times.at(-1)) * 1000 + step : null, { metric });
  const traces = (/** @type {number} */ from, /** @type {number} */ to) => link('/traces', { ...absoluteRange(from, to), ...(timed ? { sort: '-duration' } : {}) }, ['tz']);
  const pick = (/** @type {number} */ from, /** @type {number} */ to) => {
    const [first, last] = [Math.floor(from / step) * step, Math.ceil(to / step) * step];
    if (to - from > 1.5 * step) setParams({ ...absoluteRange(first, last) });
    else navigate(traces(first, Math.max(last, first + step)));
  };
  const covered = points.length ? known.length / points.length : 1;
  const sub = data ? (known.length ? `${say(known.reduce((sum, one) => sum + one, 0) / known.length)} on average, ${say(Math.min(...known))} to ${say(Math.max(...known))}${covered < 1 ? ` · data in ${percent(covered)} of the time` : ''}` : 'no data in this time') : '';
  const legend = [...[...lines].reverse().map((line) => ({ label: line.label, slot: line.slot, line: true, value: say(lastOf(points, line.key)) })), ...(past ? [{ label: pastName, slot: 8, line: true, value: say(past.findLast((value) => value !== null)) }] : []), ...(scaled ? [{ label: 'log scale', slot: 0, line: true }] : []), ...(data && covered < 1 ? [{ label: 'no data', slot: null, hatched: true }] : []), ...(known.length ? expectedKey(expected, range !== null) : [])];
  const table = () => ({ columns: ['When', ...lines.map((line) => line.label), ...(past ? [pastName] : []), ...(range ? ['Expected'] : []), 'Events'], rows: points.map((/** @type {any} */ one, /** @type {number} */ index) => [html`<a href=${traces(Number(instant(one.timestamp)), Number(instant(one.timestamp)) + step)}><time datetime=${one.timestamp}>${shortDateTime(Number(instant(one.timestamp)), zone.value)}</time></a>`, ...lines.map((line) => say(one[line.key])), ...(past ? [say(past[index])] : []), ...(range ? [range.high[index] === null ? UNKNOWN : `${say(range.low[index])} to ${say(range.high[index])}`] : []), whole(one.count)]) });
  const actions = html`${zoomed ? html`<button class="button" onClick=${() => setParams({ from: null, to: null })} title="Zoom out (z)">All of it</button>` : null}${points.length ? html`<a class="button" href=${traces(times[0] * 1000, Number(times.at(-1)) * 1000 + step)}><${Icon} name="traces" />Traces</a>` : null}`;
  return html`<${ChartCard} title=${SELECTED.find(([name]) => name === metric)?.[1] ?? metric} sub=${html`${sub}<span class="wide-only"> · drag to zoom, click for its traces</span>`} busy=${load.busy} legend=${legend} table=${table} empty=${!data} marks=${marks} actions=${actions}>
    ${data ? html`<${Lines} statement=${`${metric} over the last ${period}: ${sub}`} times=${times} values=${drawnValues} lines=${drawn} y=${scaled} band=${timed ? [0, 2] : undefined} expected=${range} text=${say} axis=${axis} height=${260} onPick=${pick} onBack=${() => setParams({ from: null, to: null })} marks=${marks} />` : html`<${Faces} load=${load} what="this metric" blank=${html`<div class="face blank course-blank"></div>`}>${() => null}<//>`}
  <//>`;
}

/** The newest known value. @param {any[]} points @param {string} key */
const lastOf = (points, key) => points.findLast((one) => !isUnknown(one[key]))?.[key] ?? null;

/** @param {{data: any, metric: string, period: string}} props */
function Against({ data, metric, period }) {
  const known = data.metrics.filter((/** @type {any} */ one) => !isUnknown(one.average) || !isUnknown(one.previous_average));
  const seen = known.some((/** @type {any} */ one) => one.average || one.previous_average) ? known : [];
  const hidden = data.metrics.length - seen.length;
  return html`<${Card} title="Against the time before" sub=${`the last ${LENGTHS[period]} beside the ${LENGTHS[period]} before; counts and sums are per ${duration(data.step_s * 1e9)}`}>
    ${seen.length ? html`<table class="table cards-narrow against"><thead><tr><th scope="col">Figure</th><th scope="col" class="num">Before</th><th scope="col" class="num">Now</th><th scope="col" class="num">Change</th></tr></thead>
      <tbody>${seen.map((/** @type {any} */ one) => { const { say } = measure(one.unit); return html`<tr key=${one.metric}><td class="cell-name"><button class="text-button" aria-pressed=${one.metric === metric} onClick=${() => setParams({ metric: one.metric })}>${SELECTED.find(([name]) => name === one.metric)?.[1] ?? one.meaning ?? one.metric}</button></td><td class="num cell-figure2"><${Figure}>${say(one.previous_average)}<//></td><td class="num cell-figure"><${Figure}>${say(one.average)}<//></td><td class="num cell-state"><${Change} one=${one} /></td></tr>`; })}</tbody></table>
      ${hidden ? html`<p class="face-note">${plural(hidden, 'figure')} without any value in either time.</p>` : null}` : html`<${Empty} title="Nothing was measured in either time."><${FirstSteps} /><//>`}<//>`;
}

const DIRECTIONS = /** @type {Record<string, [string, string]>} */ ({ better: ['tick', 'ok'], worse: ['triangle', 'warn'] });

/** @param {{one: any}} props */
function Change({ one }) {
  if (isUnknown(one.change_percent)) return html`<span class="quiet">nothing to compare with</span>`;
  const [icon, tone] = DIRECTIONS[one.direction] ?? ['dash', 'unk'];
  const sign = one.change_percent > 0 ? '+' : '';
  return html`<span class=${`change ${tone}`}><${Icon} name=${icon} />${sign}${percent(one.change_percent / 100)}${one.direction === 'better' || one.direction === 'worse' ? html` <span class="change-word">${one.direction}</span>` : null}</span>`;
}

/** @param {{data: any}} props */
function Hours({ data }) {
  const hours = data.by_hour ?? [];
  const all = hours.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + (one.requests ?? 0), 0);
  if (!all) return null;
  const name = (/** @type {number} */ hour) => `${String(hour).padStart(2, '0')}:00`;
  const buckets = hours.map((/** @type {any} */ one) => ({ at: one.hour * 36e5, end: (one.hour + 1) * 36e5, values: [one.errors, one.requests - one.errors], texts: [whole(one.errors), whole(one.requests - one.errors)], title: `${name(one.hour)}, ${plural(one.requests, 'call')}` }));
  return html`<${ChartCard} title="By hour of the day" sub=${`model calls, ${data.timezone}`} legend=${[{ label: 'went well', slot: 8, value: whole(all - hours.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.errors, 0)) }, { label: 'failed', slot: 9 }]}
    table=${() => ({ columns: ['Hour', 'Model calls', 'Failed'], rows: hours.map((/** @type {any} */ one) => [name(one.hour), whole(one.requests), whole(one.errors)]) })}>
    <${Bars} statement=${`${plural(all, 'model call')} by hour of the day`} buckets=${buckets} series=${[{ label: 'failed', slot: 9 }, { label: 'went well', slot: 8, faint: true }]} counts=${true} axis=${whole} time=${(/** @type {number} */ ms) => minute(ms, 'UTC')} height=${160} /><//>`;
}
