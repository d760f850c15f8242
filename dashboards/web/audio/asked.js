// @ts-check
/** What the page asks the server about audio: the address's range and filters, and the stretch of values that is chosen. Never: a bound that is no number. */
import { formatFilter } from '../filters.js';
import { filters, params, rangeOr, spell } from '../url.js';

export const range = 'now-24h';

/** @param {string} what @param {Record<string, string | null>} more */
export function address(what, more = {}) {
  const asked = rangeOr(range);
  const search = new URLSearchParams({ from: asked.from, to: asked.to });
  for (const filter of filters.value) search.append('f', formatFilter(filter));
  for (const [key, value] of Object.entries(more)) if (value !== null) search.set(key, value);
  return `/api/v1/audio/${what}${spell(search)}`;
}

/** The stretch of values that is chosen. */
export function selection() {
  const low = params.value.get('at_least');
  const high = params.value.get('at_most');
  const number = (/** @type {string | null} */ text) => (text !== null && text.trim() && Number.isFinite(Number(text)) ? text : null);
  return { at_least: number(low), at_most: number(high) };
}

export const selected = () => Object.values(selection()).some((one) => one !== null);
