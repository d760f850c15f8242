// @ts-check
/** Along the axis of a chart by keys. Pure. Never: a place that is not on the axis. */

/** @typedef {{at: number, anchor: number}} Place both values of the axis */

/** Where a key leads; null where it leads nowhere. @param {Place | null} old @param {string} key @param {boolean} choosing @param {number[]} marks @returns {Place | null} */
export function walked(old, key, choosing, marks) {
  const last = marks.length - 1;
  const from = old ? indexOf(marks, old.at) : -1;
  const to = /** @type {Record<string, number>} */ ({ ArrowLeft: old ? from - 1 : last, ArrowRight: from + 1, PageUp: from - 10, PageDown: from + 10, Home: 0, End: last })[key];
  if (to === undefined || last < 0) return null;
  const at = marks[Math.max(0, Math.min(last, to))];
  return { at, anchor: choosing && old ? old.anchor : at };
}

/** The first value that is not before another; the last where all are. @param {number[]} marks @param {number} value */
export const indexOf = (marks, value) => { const found = marks.findIndex((mark) => mark >= value); return found < 0 ? marks.length - 1 : found; };
