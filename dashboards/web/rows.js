// @ts-check
/**
 * Rows of a query as they were sent.
 *
 * Given: the text of an answer. Gives: the parsed value; a number that JavaScript would not keep to its last digit is text.
 * Never: a change to what stands inside a string.
 */

/** A string, or a number outside of strings. */
const BARE = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** @param {string} text @returns {any} */
export const parseAsSent = (text) => JSON.parse(text.replace(BARE, (found) => (found.startsWith('"') || String(Number(found)) === found ? found : `"${found}"`)));
