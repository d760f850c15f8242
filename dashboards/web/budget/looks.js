// @ts-check
/** How budgets stand: their looks, and which comes first. Pure. Never: a good look for a budget with calls that nobody can price. */
import { isUnknown } from '../format.js';

/** @typedef {import('../status.js').Look} Look */

const ORDER = ['over_budget', 'degraded', 'on_track', 'under_budget', 'no_budget'];

/** @type {Record<string, Look>} */
const LOOKS = {
  degraded: { icon: 'triangle', word: 'Degraded', tone: 'warn' },
  on_track: { icon: 'tick', word: 'On track', tone: 'ok' },
  under_budget: { icon: 'tick', word: 'Under budget', tone: 'ok' },
  no_budget: { icon: 'pause', word: 'Not watched', tone: 'unk' },
};

/** Whether all of it is gone. @param {any} status */
export const isExceeded = (status) => Number(status.percentage ?? 0) >= 100;

/** How a budget stands. @param {any} status @returns {Look} */
export function stateLook(status) {
  if (status.status === 'over_budget') return isExceeded(status) ? { icon: 'octagon', word: 'Over budget', tone: 'crit' } : { icon: 'triangle', word: 'Will exceed', tone: 'warn' };
  const found = Object.hasOwn(LOOKS, status.status) ? LOOKS[status.status] : { icon: 'question', word: 'Unknown', tone: /** @type {const} */ ('unk') };
  return found.tone === 'ok' && (status.unpriced_calls || isUnknown(status.spent)) ? LOOKS.degraded : found;
}

/** Worst first, those that were put away last. @param {any} one @param {any} other */
export function worstFirst(one, other) {
  const place = (/** @type {any} */ budget) => (budget.archived_at ? ORDER.length + 1 : (ORDER.indexOf(budget.status.status) + ORDER.length) % ORDER.length);
  return place(one) - place(other) || Number(other.status.percentage ?? 0) - Number(one.status.percentage ?? 0) || one.name.localeCompare(other.name);
}
