// @ts-check
/**
 * The wall clock of a time zone: what it shows at a moment, the moment at which it shows something, ranges that people type. Pure.
 *
 * Given: moments in ms and the name of a zone. Gives: texts as `datetime-local` has them, moments, ranges. Never: the browser's own zone taken for the one that is shown.
 */
import { absoluteRange } from './time.js';

/** @typedef {import('./time.js').Range} Range */

/** Made once for each zone: that takes longer than a hundred uses. @type {Map<string, Intl.DateTimeFormat>} */
const clocks = new Map();

/** How far a zone is ahead of UTC at a moment, in ms. @param {number} ms @param {string} zone */
function offset(ms, zone) {
  try {
    if (!clocks.has(zone)) clocks.set(zone, new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }));
    const parts = /** @type {Intl.DateTimeFormat} */ (clocks.get(zone)).formatToParts(ms);
    const of = (/** @type {string} */ type) => Number(parts.find((part) => part.type === type)?.value);
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - Math.floor(ms / 1000) * 1000;
  } catch {
    return 0;
  }
}

/** What the clock shows, such as `2026-11-22T09:41`. @param {number} ms @param {string} zone */
export const wallTime = (ms, zone) => new Date(ms + offset(ms, zone)).toISOString().slice(0, 16);

/** When the clock shows a text: the first time where it shows it twice, the moment it jumps where it leaves it out. NaN where it is none. @param {string} text @param {string} zone */
export function atWall(text, zone) {
  const utc = Date.parse(`${text.length === 10 ? `${text}T00:00` : text}Z`);
  if (Number.isNaN(utc)) return NaN;
  const before = utc - offset(utc - 864e5, zone); // by the offset of the day before, which holds until the clock is changed
  const after = utc - offset(before, zone);
  return after + offset(after, zone) === utc && before + offset(before, zone) !== utc ? after : before;
}

/** The first moment of a month, so many months away. @param {number} ms @param {number} away @param {string} zone */
function monthStart(ms, away, zone) {
  const [year, month] = wallTime(ms, zone).split('-').map(Number);
  return atWall(new Date(Date.UTC(year, month - 1 + away)).toISOString().slice(0, 10), zone);
}

/** Ranges of the calendar, with their names. @param {number} nowMs @param {string} zone @returns {{label: string, range: Range}[]} */
export function months(nowMs, zone) {
  const start = monthStart(nowMs, 0, zone);
  return [{ label: 'This month', range: { from: new Date(start).toISOString(), to: 'now' } }, { label: 'Last month', range: absoluteRange(monthStart(nowMs, -1, zone), start) }];
}

/**
 * What a person typed: `2h`, `today`, `yesterday 9-17`, `2026-11-20 09:00 to 2026-11-20 17:00`; times are those of the zone.
 * @param {string} text @param {number} nowMs @param {string} zone @returns {Range | null}
 */
export function typedRange(text, nowMs, zone) {
  const said = text.trim().toLowerCase();
  const short = /^(?:last )?(\d{1,6}) ?(s|m|min|h|d|days|w)$/.exec(said);
  if (short) return { from: `now-${short[1]}${short[2][0]}`, to: 'now' };
  const named = /^(today|yesterday)(?: (\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?)?$/.exec(said);
  if (named) {
    const today = Date.parse(`${wallTime(nowMs, zone).slice(0, 10)}T00:00Z`);
    const at = (/** @type {string} */ hours, /** @type {string | undefined} */ minutes) => atWall(new Date(today + (Number(hours) * 60 + Number(minutes ?? 0) - (named[1] === 'today' ? 0 : 1440)) * 6e4).toISOString().slice(0, 16), zone);
    const [from, to] = named[2] ? [at(named[2], named[3]), at(named[4], named[5])] : [at('0', '0'), at('24', '0')];
    return to > from ? absoluteRange(from, Math.min(to, nowMs)) : null;
  }
  const two = said.split(/\s+(?:to|–)\s+/).map((part) => atWall(part.replace(' ', 'T'), zone));
  return two.length === 2 && two[1] > two[0] ? absoluteRange(two[0], two[1]) : null;
}
