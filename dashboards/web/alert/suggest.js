// @ts-check
/** What is said of rules that were tried and are not suggested. Pure. */

/** What became of those that are not offered. @param {{noisy: number, unknown: number}} left */
export function leftOut({ noisy, unknown }) {
  const each = [noisy ? `${noisy} would have fired more than daily, or for hours` : '', unknown ? `of ${unknown} too little is known` : ''].filter(Boolean);
  const text = each.join('; ');
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : '';
}
