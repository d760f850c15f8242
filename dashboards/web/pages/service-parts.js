// @ts-check
/** The system, the providers of models, and this backend, as the page of services shows them. Never: a zero for what nobody told. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { bytes, count, duration, instant, isUnknown, plural, whole } from '../format.js';
import { link } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Figure } from '../parts/chip.js';
import { Spark } from '../charts/spark.js';
import { healthLook } from '../health/words.js';

const SLOW_MS = 10_000;

/** What is drawn, its name, its unit, and above what it is too much. @type {[string, string, string, number | null][]} */
const GAUGES = [['cpu_usage', 'CPU', '\u202f%', 90], ['memory_usage', 'Memory', '\u202f%', 90], ['queue_length', 'Queue', '', 10], ['active_requests', 'Requests under way', '', null]];

export function System() {
  const load = useLoad('/api/admin/stats/system?period=hour', { every: SLOW_MS });
  return html`<${Card} title="System" sub="last hour, as telemetry tells it" busy=${load.busy}><${Faces} load=${load} what="the system">${(/** @type {any} */ data) => html`<${Gauges} data=${data} />`}<//><//>`;
}

/** @param {{data: any}} props */
function Gauges({ data }) {
  if (GAUGES.every(([name]) => isUnknown(data[`current_${name}`])) && isUnknown(data.db_pool.used) && isUnknown(data.celery.pool_size)) {
    return html`<${Empty} title="Nobody has told of CPU, memory or queues in the last hour."><p class="quiet">The SDK does with <code>pip install 'spanledger[instrument]'</code>, and a Collector with its host metrics.</p><//>`;
  }
  return html`<dl class="gauges">${GAUGES.map(([name, said, unit, limit]) => html`<div key=${name}><dt>${said}${limit === null ? null : html` <small>limit ${limit}${unit}</small>`}</dt>
      <dd class=${limit !== null && data[`current_${name}`] > limit ? 'over' : ''}><${Figure}>${isUnknown(data[`current_${name}`]) ? '—' : `${count(data[`current_${name}`])}${unit}`}<//></dd>
      <${Spark} values=${data.metrics.map((/** @type {any} */ part) => part[name])} slot=${1} /></div>`)}
    <div><dt>Database connections</dt><dd><${Figure}>${count(data.db_pool.used)}<//>${isUnknown(data.db_pool.max) ? null : html` <small>of ${count(data.db_pool.max)}</small>`}</dd></div>
    <div><dt>Celery</dt><dd><${Figure}>${count(data.celery.active)}<//>${isUnknown(data.celery.pool_size) ? null : html` <small>of ${count(data.celery.pool_size)} at work</small>`}</dd></div></dl>`;
}

/** @param {{load: import('../api.js').Load}} props of the services, which says how providers do as well */
export function Providers({ load }) {
  return html`<${Card} title="Providers" sub="last 15 min beside their usual" busy=${load.busy && !load.data}><${Faces} load=${load} what="the providers">${(/** @type {any} */ { providers }) => (providers.length ? html`<ul class="list">${providers.map((/** @type {any} */ one) => html`<li key=${one.name}><a class="list-row" href=${link('/traces', { f: `provider:${one.name}`, from: 'now-15m' }, ['tz'])}>
    <span class="list-main"><b>${one.name}</b><span class="list-sub">${one.reason}</span></span><${Chip} look=${healthLook(one.status)} /></a></li>`)}</ul>` : html`<${Empty} title="No provider was called within a week." />`)}<//><//>`;
}

export function ThisServer() {
  const load = useLoad('/api/v1/health/self', { every: SLOW_MS });
  const loss = useLoad('/api/v1/loss', { every: 6 * SLOW_MS });
  return html`<${Card} title="This backend" sub="since it was started" busy=${load.busy}><${Faces} load=${load} what="this backend">${(/** @type {any} */ data) => html`<${Own} data=${data} loss=${loss.data} />`}<//><//>`;
}

/** @param {{data: any, loss: any}} props */
function Own({ data, loss }) {
  const slow = data.tasks.reduce((/** @type {any} */ most, /** @type {any} */ task) => (!most || task.seconds > most.seconds ? task : most), null);
  const failing = data.tasks.filter((/** @type {any} */ task) => task.failed).map((/** @type {any} */ task) => task.name);
  const last = Math.max(...data.tasks.map((/** @type {any} */ task) => instant(task.last) ?? 0), 0);
  return html`<dl class="gauges">
    <div><dt>Takes data</dt><dd>${data.ready ? html`<${Chip} look=${healthLook('healthy')} />` : html`<${Chip} look=${healthLook('down')} title=${data.reasons.join('; ')} />`}</dd></div>
    <div><dt>Rows stored</dt><dd>${count(Object.values(data.rows).reduce((sum, n) => Number(sum) + Number(n), 0))} <small>in ${plural(data.commits, 'commit')}</small></dd></div>
    <div><dt>Waiting</dt><dd>${plural(data.queue_requests, 'request')} <small>${bytes(data.queue_bytes)} of ${bytes(data.queue_limit_bytes)}</small></dd></div>
    <div><dt>Told to come back</dt><dd>${whole(data.turned_away)}</dd></div>
    <div><dt>Records refused</dt><dd>${whole(data.refused_records)}</dd></div>
    <div><dt>Dropped by SDKs</dt><dd><${Dropped} loss=${loss} /></dd></div>
    <div><dt>Store</dt><dd>${bytes(data.store_bytes)} <small>${isUnknown(data.free_bytes) ? 'in memory' : `${bytes(data.free_bytes)} free`}</small></dd></div>
    <div><dt>Slowest task</dt><dd><${Figure}>${slow ? duration(slow.seconds * 1e9) : '—'}<//>${slow ? html` <small>${slow.name}</small>` : null}</dd></div>
    <div><dt>Last tick</dt><dd><${Ago} ms=${last || null} />${failing.length ? html` <small class="over">${failing.join(', ')} failed</small>` : null}</dd></div></dl>`;
}

/** What senders said they dropped; "none" only where one of them counts. @param {{loss: any}} props */
function Dropped({ loss }) {
  const told = (loss?.services ?? []).map((/** @type {any} */ row) => row.dropped).filter((/** @type {any} */ one) => !isUnknown(one));
  if (!told.length) return html`<${Figure}>—<//>`;
  const sum = told.reduce((/** @type {number} */ all, /** @type {number} */ one) => all + one, 0);
  return html`<a href=${link('/settings', {}, ['tz'])}>${sum ? whole(sum) : 'none'}</a>`;
}
