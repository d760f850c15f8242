// @ts-check
/**
 * What is said of the health of services: looks, rates of a window, shares of time. Pure.
 *
 * Given: services and checks as the server tells them. Gives: looks, figures, sentences. Never: "healthy" of what nobody looked at.
 */
import { UNKNOWN, isUnknown, percent, plural, rate } from '../format.js';

/** @typedef {import('../status.js').Look} Look */

/** @type {Record<string, Look>} */
const LOOKS = {
  healthy: { icon: 'tick', word: 'Healthy', tone: 'ok' },
  degraded: { icon: 'triangle', word: 'Degraded', tone: 'warn' },
  down: { icon: 'octagon', word: 'Down', tone: 'crit' },
};
const UNSEEN = /** @type {Look} */ ({ icon: 'question', word: 'Unknown', tone: 'unk' });

/** The look of a state; anything unheard of is unknown. @param {string | null | undefined} state @returns {Look} */
export const healthLook = (state) => (state && Object.hasOwn(LOOKS, state) ? LOOKS[state] : UNSEEN);

/** Something a window long, a second. @param {number | null | undefined} amount @param {number} seconds */
export function perSecond(amount, seconds) {
  return isUnknown(amount) || !seconds ? UNKNOWN : `${rate(Number(amount) / seconds)}/s`;
}

/** The share of calls that failed; nothing where there were none. @param {any} service */
export const errorShare = (service) => (service.requests ? percent(service.errors / service.requests) : UNKNOWN);

/** USD an hour at the pace of the window, as a number. @param {string | number | null | undefined} cost @param {number} seconds */
export const perHour = (cost, seconds) => (isUnknown(cost) || !seconds ? null : (Number(cost) * 3600) / seconds);

/** "99.95 %", never rounded up to all. @param {number | null | undefined} share */
export function upShare(share) {
  if (isUnknown(share)) return UNKNOWN;
  if (share === 1) return '100\u202f%';
  const percent = Number(share) * 100;
  const places = percent >= 99 ? 2 : 1;
  return `${(Math.floor(percent * 10 ** places + 1e-6) / 10 ** places).toFixed(places)}\u202f%`;
}

/** Beats in words, for who cannot see them. @param {(string | null)[]} beats */
export function beatWords(beats) {
  const said = ['healthy', 'degraded', 'down'].map((state) => [beats.filter((one) => one === state).length, state]).filter(([n]) => n).map(([n, state]) => `${n} ${state}`);
  const silent = beats.filter((one) => one === null || one === 'unknown').length;
  return `24 hours in half hours: ${[...said, silent ? `${silent} unknown` : ''].filter(Boolean).join(', ')}`;
}

/** What the checks of a service come to. @param {Record<string, number>} counts */
export function checkCount(counts) {
  const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return all ? plural(all, 'check') : 'no checks';
}

/** A check's latest look, where it is not yet believed: "down, 2 of 3 in a row". @param {any} check */
export function notYet(check) {
  if (!check.latest || check.latest.state === check.state || check.latest.state === 'unknown' || !check.in_a_row) return '';
  return `${check.latest.state}, ${check.in_a_row} of ${check.needed} in a row`;
}
