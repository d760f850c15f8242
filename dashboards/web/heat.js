// @ts-check
/**
 * Hours of weeks put together by weekday and hour of the clock, and the steps of colour they are drawn in. Pure.
 *
 * Given: buckets of an hour. Gives: seven rows of 24 means. Never: an hour in which nothing came counted as one without work.
 */

/** @typedef {{weekday: number, hour: number, value: number | null, hours: number}} Cell weekday: 0 is Monday; value: mean of its hours */

const STEPS = 7;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** @param {{at: number, value: number | null, weight: number}[]} hours at in ms @param {string} zone @returns {Cell[][]} */
export function byWeekday(hours, zone) {
  const clock = new Intl.DateTimeFormat('en-US', { weekday: 'short', hour: '2-digit', hourCycle: 'h23', timeZone: zone });
  const sums = WEEKDAYS.map(() => Array.from({ length: 24 }, () => ({ sum: 0, weight: 0, hours: 0 })));
  for (const one of hours) {
    if (one.value === null || !(one.weight > 0)) continue;
    const parts = Object.fromEntries(clock.formatToParts(one.at).map((part) => [part.type, part.value]));
    const cell = sums[WEEKDAYS.indexOf(parts.weekday)][Number(parts.hour)];
    cell.sum += one.value * one.weight;
    cell.weight += one.weight;
    cell.hours += 1;
  }
  return sums.map((row, weekday) => row.map((cell, hour) => ({ weekday, hour, value: cell.weight ? cell.sum / cell.weight : null, hours: cell.hours })));
}

/** Where each step of colour begins, so that each has about as many cells. @param {Cell[]} cells @returns {number[]} ascending */
export function edgesOf(cells) {
  const known = cells.map((cell) => cell.value).filter((value) => value !== null).sort((a, b) => Number(a) - Number(b));
  if (!known.length) return [];
  return [...new Set(Array.from({ length: STEPS }, (_, step) => below(Number(known[Math.floor((step * known.length) / STEPS)]))))];
}

/** The next number below with two digits: enough to tell steps apart. @param {number} value */
function below(value) {
  const unit = value > 0 ? 10 ** (Math.floor(Math.log10(value)) - 1) : 1;
  return Number((Math.floor(value / unit + 1e-9) * unit).toPrecision(12));
}

/** The step of a value, from 1. @param {number} value @param {number[]} edges */
export const stepOf = (value, edges) => Math.max(1, edges.findLastIndex((edge) => value >= edge) + 1);
