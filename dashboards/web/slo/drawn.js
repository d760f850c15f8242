// @ts-check
/** What is drawn of a budget over its window. Pure. Given: parts of a series. Gives: runs of steps, and how deep the drawing goes. Never: a run through a gap. */

/** @typedef {{at: number, end: number, left: number | null, burn: number | null, bad: number, total: number, known: boolean, excluded: boolean}} Part */

export const DEEPEST = -2; // more overspent than that is cut, and the axis says so

/** @param {Part[]} parts */
export function lowest(parts) {
  const least = Math.min(0, ...parts.map((part) => part.left ?? 0));
  return least === 0 ? 0 : Math.max(DEEPEST, Math.floor(least * 4) / 4);
}

/** Runs of parts that are known, each as "x y" of its steps. @param {Part[]} parts @param {(at: number) => number} x @param {(left: number) => number} y */
export function runs(parts, x, y) {
  /** @type {string[]} */
  const found = [];
  let open = '';
  let before = /** @type {number | null} */ (parts.length ? 1 : null);
  for (const part of parts) {
    if (part.left === null) {
      if (open) found.push(open);
      open = '';
      before = null;
      continue;
    }
    open = open || `M${x(part.at)} ${y(before ?? part.left)}`;
    open += `L${x(part.end)} ${y(part.left)}`;
    before = part.left;
  }
  return open ? [...found, open] : found;
}
