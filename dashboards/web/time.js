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

/**
 * What a person typed: `2h`, `today`, `yesterday 9-17`, `2026-11-20 09:00 to 2026-11-20 17:00`.
 * @param {string} text @param {number} nowMs @returns {Range | null}
 */
export function typedRange(text, nowMs) {
  const said = text.trim().toLowerCase();
  const short = /^(?:last )?(\d{1,6}) ?(s|m|min|h|d|days|w)$/.exec(said);
  if (short) return { from: `now-${short[1]}${short[2][0]}`, to: 'now' };
  const named = /^(today|yesterday)(?: (\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?)?$/.exec(said);
  if (named) {
    const midnight = new Date(nowMs);
    midnight.setHours(0, 0, 0, 0);
    if (named[1] === 'yesterday') midnight.setDate(midnight.getDate() - 1);
    const at = (/** @type {number} */ hours, /** @type {number} */ minutes) => new Date(midnight).setHours(hours, minutes);
    const range = named[2] ? [at(Number(named[2]), Number(named[3] ?? 0)), at(Number(named[4]), Number(named[5] ?? 0))] : [at(0, 0), at(24, 0)];
    return range[1] > range[0] ? absoluteRange(range[0], Math.min(range[1], nowMs)) : null;
  }
  const two = said.split(/\s+(?:to|–)\s+/).map((part) => Date.parse(part.replace(' ', 'T')));
  return two.length === 2 && two[1] > two[0] ? absoluteRange(two[0], two[1]) : null;
}
