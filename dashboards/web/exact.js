// @ts-check
/**
 * JSON with its money kept as text: a number under a money key comes out as the very digits that were sent.
 *
 * Given: the text of an answer. Gives: the parsed value, amounts as decimal strings, all else as JSON.parse gives it.
 * Never: a change to what stands inside a string; the pattern walks over every string of the text.
 */

/** Keys whose number is an amount in USD, or a price of one unit. */
const MONEY = new Set(['cost', 'cost_usd', 'total_cost', 'cost_per_minute', 'spend_today', 'rate', 'spent', 'limit_amount', 'carried_over', 'reserved', 'remaining', 'estimated_total', 'rollover_limit', 'old_total', 'new_total', 'difference', 'bill', 'ledger', 'amount']);
/** Keys whose object maps names to amounts (or units to rates). */
const MONEY_MAPS = new Set(['by', 'rate', 'rates']);
/** Keys that are amounts within a projection, and times elsewhere. */
const QUANTILES = new Set(['p10', 'p50', 'p90']);

/** A string, where it is a key with its colon and, if so, the number or brace that follows; or a closing brace. */
const TOKEN = /"((?:[^"\\]|\\.)*)"(\s*:\s*)?(?:(?<=:\s*)(-?\d[\d.eE+-]*|\{))?|\}/g;

/** @param {string} text @returns {any} */
export function parseExact(text) {
  let inside = '';
  const quoted = text.replace(TOKEN, (whole, key, colon, follows) => {
    if (whole === '}') { inside = ''; return whole; }
    if (!colon || !follows) return whole;
    if (follows === '{') { inside = key; return whole; }
    return MONEY.has(key) || MONEY_MAPS.has(inside) || (inside === 'projection' && QUANTILES.has(key)) ? `"${key}"${colon}"${follows}"` : whole;
  });
  return JSON.parse(quoted);
}
