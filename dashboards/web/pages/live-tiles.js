// @ts-check
/** The tiles of Live, six and two of audio where there is any: figure, context, five minutes as a spark; each leads to what is behind it. Never: 0 for unknown. */
import { html } from '../html.js';
import { UNKNOWN, count, durationParts, exactMoney, isUnknown, money, percent, percentFigure, rate, whole } from '../format.js';
import { coverageLook, look } from '../status.js';
import { latest, points, state } from '../live.js';
import { steps } from '../points.js';
import { link } from '../url.js';
import { Chip, Figure } from '../parts/chip.js';
import { Later } from '../parts/later.js';
import { Spark } from '../charts/spark.js';
import { chosenTiles } from '../prefs.js';
import { USUAL, audioTiles, tilesOf } from '../settings/tiles.js';

const RECENT = { from: 'now-5m' };

/** Where each tile leads, in order: keys 1 to 8 open them. */
export const tileLinks = () => chosen().map((id) => LINKS[id]());

/** @type {Record<string, () => string>} */
const LINKS = {
  calls: () => link('/traces', RECENT, ['tz']), failed: () => link('/traces', { ...RECENT, f: 'status:error' }, ['tz']), p95: () => link('/traces', { ...RECENT, sort: '-duration' }, ['tz']),
  ttfc: () => link('/traces', { ...RECENT, f: 'operation:chat', sort: '-duration' }, ['tz']), tokens: () => link('/costs', { period: 'today', group: 'model' }, ['tz']), spend: () => link('/costs', { period: 'today' }, ['tz']),
  budget: () => link('/costs/budgets', {}, ['tz']), cached: () => link('/costs', { period: 'today' }, ['tz']), unpriced: () => link('/costs/prices', {}, ['tz']),
  pesq: () => link('/audio', { from: 'now-1h', metric: 'pesq' }, ['tz']), rtf: () => link('/audio', { from: 'now-1h', metric: 'real_time_factor' }, ['tz']),
  ...Object.fromEntries(['cpu', 'memory', 'queue', 'active', 'pool', 'celery'].map((id) => [id, () => link('/services', {}, ['tz'])])),
};

/** The ids that this browser shows: its choice, or the usual ones and those of audio where there is any. */
const chosen = () => [...tilesOf(chosenTiles.value), ...audioTiles(chosenTiles.value, state.value?.audio)];

/**
 * @typedef {{label: string, figure: string, unit?: string, context: any, spark: (number | null)[], slot: number, bars?: boolean,
 *   chip?: import('../status.js').Look | null, exact?: string}} Tile
 */

/** @param {{tiles: any}} props */
export function Tiles({ tiles }) {
  const five = steps(points.value, Math.floor((latest.value + 1) / 5) * 5 - 1, 300, 5);
  const ids = chosen();
  const usual = faces(tiles, five);
  return html`<div class=${`tiles${ids.length > USUAL.length ? ' eight' : ''}`}>${ids.map((id) => (USUAL.includes(id) ? html`<${One} key=${id} tile=${usual[USUAL.indexOf(id)]} href=${LINKS[id]()} />` : html`<${Later} key=${id} load=${() => import('./live-tiles-more.js')} part="MoreTile" blank=${html`<div class="tile blank"></div>`} id=${id} told=${tiles} Drawn=${One} href=${LINKS[id]()} />`))}</div>`;
}

/** @param {any} tiles @param {import('../points.js').Step[]} five @returns {Tile[]} */
function faces(tiles, five) {
  const latency = durationParts(isUnknown(tiles.p95_ms) ? null : tiles.p95_ms * 1e6);
  const first = durationParts(isUnknown(tiles.ttfc_p95_ms) ? null : tiles.ttfc_p95_ms * 1e6);
  const minute = points.value.filter((point) => point.t > latest.value - 60);
  const calls = minute.reduce((sum, point) => sum + point.calls, 0);
  const errors = minute.reduce((sum, point) => sum + point.errors, 0);
  const spark = (/** @type {keyof import('../points.js').Step} */ key) => five.map((one) => one[key]);
  const context = (/** @type {unknown} */ value, /** @type {any} */ text) => (isUnknown(value) ? 'no calls in 60 s' : text);
  return [
    { label: 'Calls', figure: rate(tiles.calls_per_s), unit: '/s', context: context(tiles.calls_per_s, isUnknown(tiles.calls_today) ? '' : `${count(tiles.calls_today)} today`), spark: spark('calls'), slot: 1 },
    { label: 'Failed', figure: percentFigure(tiles.error_ratio), unit: '%', context: context(tiles.error_ratio, `${whole(errors)} of ${whole(calls)} in 60 s`), spark: spark('errors'), slot: 9, bars: true },
    { label: 'Latency p95', ...latency, context: context(tiles.p95_ms, 'all calls, last 60 s'), spark: spark('p95'), slot: 1 },
    { label: 'First token', ...first, context: isUnknown(tiles.ttfc_p95_ms) ? 'no streamed calls in 60 s' : 'p95 · streamed, 60 s', spark: spark('ttfc'), slot: 5 },
    { label: 'Tokens', figure: rate(tiles.tokens_per_s), unit: '/s', context: context(tiles.tokens_per_s, 'in and out, last 60 s'), spark: spark('tokens'), slot: 7 },
    spend(tiles, spark('cost')),
  ];
}

/** @param {any} tiles @param {(number | null)[]} spark @returns {Tile} */
function spend(tiles, spark) {
  const covered = tiles.spend_today_coverage;
  const none = tiles.calls_today === 0;
  const context = none ? 'no calls today' : isUnknown(covered) ? 'coverage unknown' : tiles.unpriced_today ? `${percent(covered)} priced · ${count(tiles.unpriced_today)} not` : `${percent(covered)} of calls priced`;
  return { label: 'Spend today', figure: money(tiles.spend_today), exact: exactMoney(tiles.spend_today), context, spark, slot: 2, chip: none || isUnknown(tiles.spend_today) ? null : coverageLook(covered) };
}

/** @param {{tile: Tile, href: string}} props */
function One({ tile, href }) {
  const unknown = tile.figure === UNKNOWN;
  const chip = unknown ? look('no_data') : tile.chip;
  return html`<a class="tile" href=${href}>
    <span class="tile-head"><span class="tile-label">${tile.label}</span>${chip ? html`<${Chip} look=${chip} />` : null}</span>
    <span class="tile-figure" title=${unknown ? undefined : tile.exact}><${Figure}>${tile.figure}<//>${tile.unit && !unknown ? html`<small>${tile.unit}</small>` : null}</span>
    <span class="tile-context">${unknown && state.value?.complete_to === null ? 'nothing has reported' : tile.context}</span>
    <${Spark} values=${tile.spark} slot=${tile.slot} bars=${tile.bars} />
  </a>`;
}
