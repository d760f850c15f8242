// @ts-check
/** What is said of rules that were tried and are not suggested. Pure. */
import { plural } from '../format.js';

/** What became of those that are not offered. @param {{noisy: number, unknown: number}} left */
export function leftOut({ noisy, unknown }) {
  const each = [noisy ? `${plural(noisy, 'other')} would have fired more than daily, or for hours` : '', unknown ? `of ${plural(unknown, 'other')} too little is known` : ''].filter(Boolean);
  const text = each.join('; ');
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : '';
}
