// @ts-check
/** Tiles of Live beside the usual six: budget, cache, the system are asked of the statistics, prices and audio are told by the channel. Never: a question for a tile that is not shown. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { UNKNOWN, count, isUnknown, money, percent, percentFigure, plural, threeDigits, whole } from '../format.js';
import { state } from '../live.js';
import { stateLook } from '../budget/words.js';
import { OF_AUDIO } from '../settings/tiles.js';
import { zone } from '../url.js';

/** @typedef {import('./live-tiles.js').Tile} Tile */

/** Where each is asked, and what is made of the answer. @type {Record<string, [string, (data: any) => Tile]>} */
const SOURCES = {
  budget: ['/api/v1/budgets?standing=true', budgetTile], cached: ['/admin/statistics/costs?period=today&group_by=provider', cachedTile],
  ...Object.fromEntries(['cpu', 'memory', 'queue', 'active', 'pool', 'celery'].map((id) => [id, ['/api/admin/stats/system?period=hour', (/** @type {any} */ data) => systemTiles(data)[id]]])),
};

/** @param {{id: string, told: any, Drawn: any, href: string}} props told: the channel's tiles; Drawn: how a tile is drawn */
export function MoreTile({ id, told, Drawn, href }) {
  const [url, make] = SOURCES[id] ?? [null, () => (id === 'unpriced' ? unpricedTile(told) : audioTile(id, state.value?.audio))];
  const asked = url && id === 'cached' ? `${url}&tz=${encodeURIComponent(zone.value)}` : url;
  const load = useLoad(asked, { every: 30_000 });
  return html`<${Drawn} tile=${make(load.data)} href=${href} />`;
}

/** @param {any} data @returns {Record<string, Tile>} */
function systemTiles(data) {
  const rows = data?.metrics ?? [];
  const spark = (/** @type {string} */ name) => rows.map((/** @type {any} */ row) => row[name] ?? null);
  const share = (/** @type {string} */ label, /** @type {string} */ name, /** @type {number} */ slot) => ({ label, figure: isUnknown(data?.[`current_${name}`]) ? UNKNOWN : percentFigure(data[`current_${name}`] / 100), unit: '%', context: context(data?.[`avg_${name}`], (value) => `${percent(value / 100)} on average, 1 h`), spark: spark(name), slot });
  const amount = (/** @type {string} */ label, /** @type {string} */ name, /** @type {number} */ slot) => ({ label, figure: count(data?.[`current_${name}`]), context: context(data?.[`avg_${name}`], (value) => `${count(value)} on average, 1 h`), spark: spark(name), slot });
  const part = (/** @type {string} */ label, /** @type {any} */ used, /** @type {any} */ most, /** @type {string} */ name, /** @type {number} */ slot) => ({ label, figure: whole(used), context: context(most, (value) => `of ${whole(value)}`), spark: spark(name), slot });
  return {
    cpu: share('CPU', 'cpu_usage', 1), memory: share('Memory', 'memory_usage', 5), queue: amount('Queue', 'queue_length', 6), active: amount('Under way', 'active_requests', 8),
    pool: part('DB connections', data?.db_pool.used, data?.db_pool.max, 'db_connections_used', 3), celery: part('Celery busy', data?.celery.active, data?.celery.pool_size, 'celery_active', 7),
  };
}

/** @param {number | null | undefined} value @param {(value: number) => string} say */
const context = (value, say) => (isUnknown(value) ? 'nobody reported it' : say(Number(value)));

/** The budget that is nearest to its end. @param {any} data @returns {Tile} */
function budgetTile(data) {
  const watched = (data?.items ?? []).filter((/** @type {any} */ one) => one.enabled && !one.archived_at && !isUnknown(one.status.percentage));
  const [worst] = watched.sort((/** @type {any} */ one, /** @type {any} */ other) => other.status.percentage - one.status.percentage);
  if (!worst) return { label: 'Budget left', figure: UNKNOWN, context: data ? 'no budget is watched' : '', spark: [], slot: 2 };
  const look = stateLook(worst.status);
  return { label: 'Budget left', figure: percentFigure(1 - worst.status.percentage / 100), unit: '%', context: `${worst.name}: ${money(worst.status.spent)} of ${money(worst.status.limit_amount)}`, spark: [], slot: 2, chip: look.tone === 'ok' ? null : look };
}

/** @param {any} data @returns {Tile} */
function cachedTile(data) {
  const known = data && data.input_tokens && !isUnknown(data.cached_input_tokens);
  return { label: 'Cached input', figure: known ? percentFigure(data.cached_input_tokens / data.input_tokens) : UNKNOWN, unit: '%', context: known ? `${count(data.cached_input_tokens)} of ${count(data.input_tokens)} tokens today` : data ? 'no tokens today' : '', spark: [], slot: 10 };
}

/** How good, or how fast, the audio of the last quarter of an hour was. @param {string} id @param {any} audio @returns {Tile} */
function audioTile(id, audio) {
  const found = audio?.[OF_AUDIO[id]];
  const figure = isUnknown(found?.p50) ? UNKNOWN : threeDigits(found.p50);
  const none = audio ? 'not measured, 15 min' : 'no audio in 15 min';
  const measured = () => `${count(Math.round(found.measured))} of ${count(Math.round(audio.audios))}, 15 min`;
  const label = id === 'pesq' ? 'PESQ' : 'Real-time factor';
  return { label, figure, context: figure === UNKNOWN ? none : id === 'pesq' ? `median of ${measured()}` : `95th ${threeDigits(found.p95)} · ${measured()}`, spark: found?.minutes ?? [], slot: id === 'pesq' ? 5 : 4 };
}

/** @param {any} told @returns {Tile} */
function unpricedTile(told) {
  const missing = told.unpriced_today;
  return { label: 'Without a price', figure: whole(missing), context: isUnknown(missing) ? 'nothing has reported' : missing ? `of ${plural(told.calls_today, 'call')} today` : 'all calls of today have one', spark: [], slot: 3, chip: missing ? { icon: 'triangle', word: 'Partial', tone: 'warn' } : null };
}
