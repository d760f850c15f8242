// @ts-check
/**
 * Estimates from sampled spans as text: the figure, and how far the truth may lie from it.
 *
 * Given: {value, low, high}, or null. Gives: text. Never: a ± of nothing, or one left away.
 */
import { UNKNOWN, count, isUnknown } from './format.js';

/** @typedef {{value: number, low: number, high: number}} Estimate */

/** The longer side of the interval. @param {Estimate} one */
export const margin = (one) => Math.max(one.high - one.value, one.value - one.low);

/** "1.03k ± 12". @param {Estimate | null | undefined} one @param {(value: number) => string} spell */
export function estimated(one, spell) {
  if (!one || isUnknown(one.value)) return UNKNOWN;
  return margin(one) ? `${spell(one.value)} ± ${spell(margin(one))}` : spell(one.value);
}

/**
 * What the kept traces of a search stand for; nothing where each stands for itself.
 * @param {(Estimate & {uncounted: number}) | undefined} one @param {number} kept
 */
export function standFor(one, kept) {
  if (!one || (Math.abs(one.value - kept) < 0.5 && !one.uncounted)) return '';
  const uncounted = one.uncounted ? `${count(one.uncounted)} of unknown weight` : '';
  const about = one.value ? `stand for ≈ ${estimated(one, (value) => count(Math.round(value)))} requests` : '';
  return [about, uncounted].filter(Boolean).join('; ');
}
