// @ts-check
/**
 * Time ranges as the URL writes them (`now-15m`, or an instant) and as people read them. Pure.
 *
 * Given: the two texts and the present in milliseconds. Gives: instants, labels, shifted ranges.
 * Never: a range that ends before it begins.
 */
import { shortDateTime } from './format.js';

/** @typedef {{from: string, to: string}} Range */

const UNIT = /** @type {Record<string, number>} */ ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 });
const RELATIVE = /^now(?:-(\d{1,6})([smhdw]))?$/;

export const PRESETS = [
  { from: 'now-5m', label: 'Last 5 min' }, { from: 'now-15m', label: 'Last 15 min' }, { from: 'now-1h', label: 'Last hour' },
  { from: 'now-6h', label: 'Last 6 h' }, { from: 'now-24h', label: 'Last 24 h' }, { from: 'now-7d', label: 'Last 7 days' },
  { from: 'now-30d', label: 'Last 30 days' },
];

/** @param {string} text @param {number} nowMs @returns {number | null} */
export function momentOf(text, nowMs) {
  const relative = RELATIVE.exec(text);
  if (relative) return nowMs - Number(relative[1] ?? 0) * (UNIT[relative[2]] ?? 0);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text.replace(/(\.\d{3})\d+/, '$1')) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** Both ends in milliseconds, or null if the range makes no sense. @param {Range} range @param {number} nowMs */
export function resolve(range, nowMs) {
  const start = momentOf(range.from, nowMs);
  const end = momentOf(range.to, nowMs);
  return start === null || end === null || end <= start ? null : { start, end };
}

/** @param {Range} range */
export const isRelative = (range) => RELATIVE.test(range.from) && range.to === 'now';

/** @param {Range} range @param {number} nowMs @param {string} [zone] */
export function label(range, nowMs, zone) {
  const preset = PRESETS.find((one) => one.from === range.from && range.to === 'now');
  if (preset) return preset.label;
  const relative = RELATIVE.exec(range.from);
  if (relative?.[1] && range.to === 'now') return `Last ${relative[1]} ${{ s: 's', m: 'min', h: 'h', d: 'days', w: 'weeks' }[relative[2]]}`;
  const both = resolve(range, nowMs);
  return both ? `${shortDateTime(both.start, zone)} – ${shortDateTime(both.end, zone)}` : 'No valid range';
}

/** @param {number} start @param {number} end milliseconds @returns {Range} */
export const absoluteRange = (start, end) => ({ from: new Date(start).toISOString(), to: new Date(end).toISOString() });

/** One window back (-1) or on (1), never past the present. @param {Range} range @param {number} direction @param {number} nowMs */
export function shift(range, direction, nowMs) {
  const both = resolve(range, nowMs);
  if (!both) return range;
  const width = both.end - both.start;
  const move = direction > 0 ? Math.min(width, nowMs - both.end) : -width;
  return move === 0 ? range : absoluteRange(both.start + move, both.end + move);
}

/** Twice as wide about the same middle, never past the present. @param {Range} range @param {number} nowMs */
export function zoomOut(range, nowMs) {
  const both = resolve(range, nowMs);
  if (!both) return range;
  const half = (both.end - both.start) / 2;
  const end = Math.min(nowMs, both.end + half);
  return absoluteRange(end - half * 4, end);
}
