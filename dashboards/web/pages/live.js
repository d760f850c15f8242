// @ts-check
/**
 * Live: is anything wrong, where, and what does it cost right now.
 *
 * Given: the live channel's points, state and topics. Gives: sentence, tiles, charts, alerts, services, budgets, slow and failed calls.
 * Never: a state without a value behind it, a row that moves under the pointer.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { latest, link as livelink, now, points, reopen, state, topics } from '../live.js';
import { axisDuration, clock, count, milliseconds, minute, percent, plural, whole } from '../format.js';
import { look } from '../status.js';
import { steps } from '../points.js';
import { link, navigate, rangeOr, zone } from '../url.js';
import { absoluteRange, resolve } from '../time.js';
import { usePageKeys } from '../keys.js';
import { Card, Empty, FirstSteps } from '../parts/card.js';
import { ChartCard } from '../charts/frame.js';
import { Bars } from '../charts/bars.js';
import { Lines } from '../charts/lines.js';
import { Tiles, tileLinks } from './live-tiles.js';
import { Alerts, Services } from './live-side.js';
import { Later } from '../parts/later.js';

export const title = 'Live';
export const styles = '/assets/pages/live.css';
export const range = 'now-15m';
export const presets = ['now-5m', 'now-15m'];
const lists = () => import('./live-lists.js');

export function View() {
  usePageKeys(Object.fromEntries(tileLinks().map((_, index) => [String(index + 1), () => navigate(tileLinks()[index])])));
  const told = state.value;
  const ages = livelink.value.phase === 'reconnecting' && livelink.value.heardAt !== null && now.value - livelink.value.heardAt > 5000;
  if (!told) return html`<div class="page live-page" aria-busy="true">${livelink.value.failures ? html`<${Unreached} />` : null}<${Skeleton} blank=${!livelink.value.failures} /></div>`;
  const never = !told.services.length && !points.value.length && !told.tiles.calls_today;
  if (never) return html`<div class="page live-page"><${Welcome} told=${told} /></div>`;
  return html`<div class=${`page live-page${ages ? ' dimmed' : ''}`}>
    <${Sentence} told=${told} />
    <${Tiles} tiles=${told.tiles} />
    <div class="live-body">
      <div class="live-side"><${Alerts} /><${Services} services=${told.services} /><${Later} load=${() => import('./live-budgets.js')} part="Budgets" blank=${html`<div class="card blank half"></div>`} /></div>
      <div class="live-charts"><${Latency} /><${Later} load=${lists} part="Models" blank=${html`<div class="card blank half"></div>`} models=${told.models} tiles=${told.tiles} /><${Calls} /></div>
      <div class="live-calls"><${Later} load=${lists} part="SlowCalls" blank=${html`<div class="card blank half"></div>`} calls=${told.slow} known=${points.value.length > 0} /></div>
    </div>
  </div>`;
}

/** No figures yet, and the channel does not open. */
function Unreached() {
  return html`<section class="sentence crit" role="alert"><${Icon} name="octagon" /><div class="sentence-text"><h2>Could not load live figures</h2><p>The live channel does not answer. It is tried again by itself, attempt ${livelink.value.failures + 1}.</p></div><button class="button" onClick=${reopen}>Retry now</button></section>`;
}

/** @param {{blank: boolean}} props */
function Skeleton({ blank }) {
  return html`${blank ? html`<div class="sentence blank"></div>` : null}<div class="tiles">${[1, 2, 3, 4, 5, 6].map((index) => html`<div class="tile blank" key=${index}></div>`)}</div>
    <div class="live-body"><div class="live-charts"><div class="card blank tall"></div><div class="card blank half"></div></div><div class="live-side"><div class="card blank tall"></div></div></div>`;
}

/** @param {{told: any}} props */
function Sentence({ told }) {
  const state = look(told.level);
  const parts = /^(.*?) \((.*)\)(.*)$/s.exec(told.sentence);
  const headline = parts ? parts[1] + parts[3] : told.sentence;
  const reasons = told.services.filter((/** @type {any} */ one) => one.state !== 'ok' && one.reason).slice(0, 3);
  const needs = topics.alerts.value?.needs ?? 0;
  const failed = told.services.some((/** @type {any} */ one) => one.state === 'critical' || one.state === 'warning');
  const lost = told.loss ? [told.loss.dropped ? `${whole(told.loss.dropped)} items dropped by SDKs` : '', told.loss.refused ? `${whole(told.loss.refused)} refused` : ''].filter(Boolean).join(', ') : '';
  return html`<section class=${`sentence ${state.tone}`} aria-label="State of everything">
    <${Icon} name=${state.icon} />
    <div class="sentence-text"><h2>${headline}</h2>${parts || reasons.length ? html`<p>${parts ? parts[2].replaceAll('; ', ' · ') : reasons.map((/** @type {any} */ one) => `${one.service}: ${one.reason}`).join(' · ')}</p>` : null}${lost ? html`<p>Telemetry lost: <a href="/settings/data">${lost}</a></p>` : null}</div>
    ${needs ? html`<a class="button" href=${link('/alerts', {}, ['tz'])}>View ${plural(needs, 'alert')}</a>` : null}
    ${failed ? html`<a class="button" href=${link('/traces', { f: 'status:error', from: 'now-15m' })}>View failed calls</a>` : null}
  </section>`;
}

/** @param {{told: any}} props */
function Welcome({ told }) {
  return html`<${Card} title="Welcome to spanledger" sub="three steps to the first figures"><${Empty} title=${told.sentence || 'Nothing has reported yet.'}>
    <${FirstSteps} />
    <p class="waiting" role="status"><i class="dot"></i>Waiting for the first call. This page goes on by itself when it arrives.</p>
  <//><//>`;
}

/** The length of the charts in seconds and the moment they end. */
function stretch() {
  const both = resolve(rangeOr(range), now.value);
  const length = both ? Math.min(900, Math.max(60, Math.round((both.end - both.start) / 1000))) : 900;
  return { length, end: latest.value };
}

/** Without the running step, as long as nothing came in it: that is no gap yet. @param {import('../points.js').Step[]} all */
const closed = (all) => (all.at(-1)?.calls === null ? all.slice(0, -1) : all);

/** @param {number} start @param {number} end ms */
const openTraces = (start, end) => navigate(link('/traces', { ...absoluteRange(start, end) }, ['tz']));

/** @param {number} t unix s @param {number} step */
const traceLink = (t, step) => html`<a href=${link('/traces', { ...absoluteRange(t * 1000, (t + step) * 1000) }, ['tz'])}>${clock(t * 1000, zone.value)}</a>`;

const LINES = [{ label: 'p50', slot: 1, width: 1.75 }, { label: 'p95', slot: 2, width: 1.75 }, { label: 'p99', slot: 6, width: 1.25 }];

function Latency() {
  const { length, end } = stretch();
  const thinned = closed(steps(points.value, end, length, 5));
  const values = [thinned.map((one) => one.p50), thinned.map((one) => one.p95), thinned.map((one) => one.p99)];
  const last = values.map((row) => row.findLast((value) => value !== null) ?? null);
  const holes = values[0].includes(null);
  const legend = LINES.map((line, index) => ({ ...line, line: true, value: milliseconds(last[index]) }));
  const statement = last[1] === null ? 'Latency: no data' : `Latency over ${Math.round(length / 60)} minutes: p50 ${milliseconds(last[0])}, p95 ${milliseconds(last[1])}, p99 ${milliseconds(last[2])}`;
  return html`<${ChartCard} title="Latency" sub=${html`all calls · 5 s steps<span class="wide-only">, p95 and p99 of the slowest second</span>`}
    actions=${html`<a href=${link('/traces', { sort: '-duration', from: 'now-15m' }, ['tz'])}>Slowest traces</a>`}
    legend=${[...legend, ...(holes ? [{ label: 'no data', slot: null, hatched: true }] : [])]}
    table=${() => ({ columns: ['Time', 'p50', 'p95', 'p99', 'Calls'], rows: thinned.toReversed().map((one) => [traceLink(one.t, 5), milliseconds(one.p50), milliseconds(one.p95), milliseconds(one.p99), whole(one.calls)]) })}>
    <${Lines} statement=${statement} times=${thinned.map((one) => one.t)} values=${values} lines=${LINES} band=${[2, 0]} text=${milliseconds} axis=${(/** @type {number} */ ms) => axisDuration(ms * 1e6)} height=${212} onPick=${openTraces} />
  <//>`;
}

function Calls() {
  const { length, end } = stretch();
  const step = length > 400 ? 15 : 5;
  const thinned = steps(points.value, end, length, step);
  const series = [{ label: 'errors', slot: 9 }, { label: 'good calls', slot: 8, faint: true }];
  const buckets = thinned.map((one) => ({
    at: one.t * 1000, end: (one.t + step) * 1000, partial: one.t + step > end,
    values: one.calls === null ? [null, null] : [one.errors, one.calls - Number(one.errors)],
    texts: one.calls === null ? ['no data', 'no data'] : [whole(one.errors), whole(one.calls - Number(one.errors))],
    title: clock(one.t * 1000, zone.value),
  }));
  const calls = thinned.reduce((sum, one) => sum + (one.calls ?? 0), 0);
  const errors = thinned.reduce((sum, one) => sum + (one.errors ?? 0), 0);
  const known = thinned.some((one) => one.calls !== null);
  const statement = known ? `${plural(calls, 'call')} in ${Math.round(length / 60)} minutes, ${plural(errors, 'error')}` : 'Calls and errors: no data';
  const holes = closed(thinned).some((one) => one.calls === null);
  return html`<${ChartCard} title="Calls and errors" sub=${`per ${step} s`} actions=${html`<a href=${link('/traces', { f: 'status:error', from: 'now-15m' }, ['tz'])}>Failed</a>`}
    legend=${[{ label: 'calls', slot: 8, value: known ? count(calls) : undefined }, { label: 'errors', slot: 9, value: known ? `${count(errors)}${calls ? ` (${percent(errors / calls)})` : ''}` : undefined }, ...(holes ? [{ label: 'no data', slot: null, hatched: true }] : [])]}
    table=${() => ({ columns: ['Time', 'Calls', 'Errors'], rows: thinned.toReversed().map((one) => [traceLink(one.t, step), whole(one.calls), whole(one.errors)]) })}>
    <${Bars} statement=${statement} buckets=${buckets} series=${series} height=${236} counts=${true} axis=${count} time=${(/** @type {number} */ ms) => minute(ms, zone.value)} onPick=${openTraces} />
  <//>`;
}
