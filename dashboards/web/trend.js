// @ts-check
/**
 * The buckets of a trend: where each begins, days put together into months where they are too many, and who has a colour. Pure.
 *
 * Given: the `trend` of the cost statistics. Gives: instants and exact sums. Never: a day taken for 24 hours.
 */
import { addMoney, isUnknown } from './format.js';
import { atWall } from './zoned.js';

const MOST_BARS = 62;
const MOST_COLOURS = 9;
const SLOTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** The colours of those who cost most: their own where the server gave them one, else one that none of the others has; all else is "other". @param {any[]} breakdown @returns {Map<string, number>} */
export function slotsOf(breakdown) {
  const first = breakdown.filter((row) => row.category !== null && isUnknown(row.folded) && !isUnknown(row.cost)).slice(0, MOST_COLOURS);
  const free = SLOTS.filter((slot) => !first.some((row) => row.slot === slot));
  return new Map(first.map((row) => [row.category, row.slot ?? Number(free.shift())]));
}

/** Milliseconds of a bucket's date in the zone it was summed in; a day or month begins at local midnight. @param {string} text @param {string} timezone */
export function bucketStart(text, timezone) {
  if (text.includes('T')) return Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  return atWall(text.length === 7 ? `${text}-01` : text, timezone);
}

/** Days put together into months where they are too many to tell apart; sums stay exact. @param {any[]} trend */
export function coarse(trend) {
  if (trend.length <= MOST_BARS) return trend;
  /** @type {Map<string, any[]>} */
  const months = new Map();
  for (const one of trend) months.set(one.date.slice(0, 7), [...(months.get(one.date.slice(0, 7)) ?? []), one]);
  return [...months].map(([date, days]) => {
    const known = days.filter((one) => !isUnknown(one.calls));
    const sum = (/** @type {string} */ key) => (known.length ? known.reduce((total, one) => total + (one[key] ?? 0), 0) : null);
    const names = new Set(days.flatMap((one) => Object.keys(one.by ?? {})));
    const by = Object.fromEntries([...names].map((name) => [name, addMoney(days.map((one) => one.by?.[name] ?? null))]));
    return { date, cost: addMoney(days.map((one) => one.cost)), calls: sum('calls'), unpriced_calls: sum('unpriced_calls'), complete: days.every((one) => one.complete), by };
  });
}
