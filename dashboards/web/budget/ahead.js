// @ts-check
/** Where money goes, in words and as points of a drawing. Pure. Never: a sure word of what is only likely. */
import { instant, isUnknown, money, moneyLength, shortDateTime } from '../format.js';

/** Whether all of it is gone; `looks.js` says the same, and is more than a page needs that draws the way there. @param {any} status */
const isExceeded = (status) => Number(status.percentage ?? 0) >= 100;

/** @typedef {{t: number, low: number, middle: number, high: number}} Point t in ms, USD as lengths */
/** @typedef {{past: [number, number][], ahead: Point[], limit: number | null, reached: {early: number | null, likely: number | null, late: number | null} | null}} Way past: ms and USD */

/** A chance in words: never "0 %" or "100 %" of what is only likely. @param {number} share */
const chance = (share) => (share < 0.01 ? 'less than 1\u202f%' : share > 0.99 ? 'more than 99\u202f%' : `${Math.round(share * 100)}\u202f%`);

/** Where it goes, in a sentence; the notes of the server where that is not known. @param {any} status @param {string} zone */
export function forecastWords(status, zone) {
  const goes = status.projection;
  if (!goes) return '';
  const known = goes.certain && !isUnknown(goes.p10) && !isUnknown(goes.p90);
  if (!known) return goes.notes[0] ?? 'No forecast yet.';
  const over = goes.probability_over_budget;
  const said = [`Ends at ${money(goes.p50)}${money(goes.p10) === money(goes.p90) ? '' : ` (${money(goes.p10)} – ${money(goes.p90)} in 8 of 10 cases)`}`];
  if (!isExceeded(status) && !isUnknown(over)) said.push(`${chance(over)} chance to pass the limit`);
  const breach = breachWords(status, zone);
  const off = goes.backtest?.error;
  return [said.join(', '), breach, isUnknown(off) ? '' : `tried on the past, off by ${chance(off)}`].filter(Boolean).join('; ');
}

/** When the limit is, or was, reached. @param {any} status @param {string} zone */
export function breachWords(status, zone) {
  const times = status.projection?.exhausted_at;
  if (!times) return '';
  const at = (/** @type {string} */ text) => shortDateTime(instant(text), zone);
  if (isExceeded(status)) return times.p50 ? `the limit was reached ${at(times.p50)}` : '';
  if (times.p50) return `the limit is reached about ${at(times.p50)}`;
  return times.p10 ? `with a chance of 10 % by ${at(times.p10)}` : '';
}

/** The moments at which something is told: those of the server, as milliseconds. @param {any} course @returns {Point[]} */
const pointsOf = (course) => (course?.at ?? []).map((/** @type {string} */ at, /** @type {number} */ index) => ({ t: Number(instant(at)), low: Number(moneyLength(course.p10[index])), middle: Number(moneyLength(course.p50[index])), high: Number(moneyLength(course.p90[index])) }));

/** When the limit is reached; null where that is not known or not within the period. @param {any} times @param {number | null} limit */
function reachedAt(times, limit) {
  if (limit === null || !times || !(times.p10 || times.p50 || times.p90)) return null;
  return { early: instant(times.p10), likely: instant(times.p50), late: instant(times.p90) };
}

/** What is drawn of a budget; null where nothing is known of its end. @param {any} status @returns {Way | null} */
export function wayOf(status) {
  const goes = status.projection;
  const ahead = pointsOf(goes?.course);
  if (!ahead.length) return null;
  const past = status.so_far.at.map((/** @type {string} */ at, /** @type {number} */ index) => [Number(instant(at)), Number(moneyLength(status.so_far.spent[index]))]);
  const limit = moneyLength(status.limit_amount);
  return { past, ahead, limit, reached: reachedAt(goes.exhausted_at, limit) };
}

/** The same of the statistics of costs: what was spent by the end of each bucket. @param {any} data @param {{date: string, cost: any}[]} trend @param {(text: string) => number} startOf @returns {Way | null} */
export function wayOfCosts(data, trend, startOf) {
  const goes = data.projection;
  const ahead = pointsOf(goes?.course);
  if (!ahead.length) return null;
  /** @type {[number, number][]} */
  const past = [];
  let sum = 0;
  for (const one of trend) {
    const at = startOf(one.date);
    if (at >= ahead[0].t) break;
    past.push([at, sum]);
    sum += moneyLength(one.cost) ?? 0;
  }
  const limit = goes.budget ? moneyLength(goes.budget.limit_amount) : null;
  return { past: [...past, [ahead[0].t, ahead[0].middle]], ahead, limit, reached: reachedAt(goes.exhausted_at, limit) };
}

/** The projection of the statistics of costs, as a budget's status has it. @param {any} data */
export const asStatus = (data) => ({ percentage: data.projection.budget && !isUnknown(data.total_cost) ? (100 * Number(moneyLength(data.total_cost))) / Number(moneyLength(data.projection.budget.limit_amount)) : null, projection: { ...data.projection, ...(data.projection.interval ?? {}) } });

/** The drawing in a sentence. @param {Way} way @param {string} zone */
export function wayWords(way, zone) {
  const [first, last] = [way.ahead[0], way.ahead[way.ahead.length - 1]];
  const when = way.reached?.likely ?? way.reached?.early ?? null;
  return `${money(String(first.middle))} now, ${money(String(last.middle))} at the end, between ${money(String(last.low))} and ${money(String(last.high))} in 8 of 10 cases${way.limit === null ? '' : `; the limit is ${money(String(way.limit))}`}${when === null ? '' : `, reached ${way.reached?.likely ? 'about' : 'with a chance of 10 % by'} ${shortDateTime(when, zone)}`}`;
}
