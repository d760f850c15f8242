// @ts-check
/**
 * The buckets of a trend: where each begins, and days put together into months where they are too many. Pure.
 *
 * Given: the `trend` of the cost statistics. Gives: instants and exact sums. Never: a day taken for 24 hours.
 */
import { addMoney, isUnknown } from './format.js';

const MOST_BARS = 62;

/** Milliseconds of a bucket's date in the zone it was summed in; a day or month begins at local midnight. @param {string} text @param {string} timezone */
export function bucketStart(text, timezone) {
  if (text.includes('T')) return Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  const utc = Date.parse(`${text.length === 7 ? `${text}-01` : text}T00:00:00Z`);
  return utc - offset(utc, timezone);
}

/** How far a zone is ahead of UTC at a moment, in ms. @param {number} ms @param {string} timezone */
function offset(ms, timezone) {
  try {
    const parts = new Intl.DateTimeFormat('en-US', { timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(ms);
    const of = (/** @type {string} */ type) => Number(parts.find((part) => part.type === type)?.value);
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - ms;
  } catch {
    return 0;
  }
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
