// @ts-check
/** A logarithmic axis for lines: marks at 1, 2 and 5 of each power of ten. Pure. Never: a zero drawn as if it were small; it falls off the lower edge. */

const STEPS = [1, 2, 5];
const MOST = 9;

/** The marks within bounds, fewer where they are many. @param {number} least @param {number} most @returns {number[]} */
export function logTicks(least, most) {
  const first = Math.floor(Math.log10(least) + 1e-9);
  const last = Math.ceil(Math.log10(most) - 1e-9);
  const all = [];
  for (let power = first; power <= last; power += 1) for (const step of STEPS) all.push(Number((step * 10 ** power).toPrecision(12)));
  const within = all.filter((mark) => mark >= least * (1 - 1e-9) && mark <= most * (1 + 1e-9));
  return within.length > MOST ? within.filter((mark) => Number.isInteger(Number(Math.log10(mark).toFixed(9)))) : within;
}

/** The nearest mark below or above. @param {number} value @param {boolean} up */
function rounded(value, up) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  const steps = [...STEPS, 10].map((step) => Number((step * power).toPrecision(12)));
  return up ? Number(steps.find((step) => step >= value * (1 - 1e-9))) : Number(steps.findLast((step) => step <= value * (1 + 1e-9)) ?? power);
}

/** The smallest and the largest value above zero; null where there is none. @param {(number | null)[][]} rows @returns {[number, number] | null} */
export function spread(rows) {
  let [least, most] = [Infinity, 0];
  for (const row of rows) for (const value of row) if (value !== null && value > 0) { least = Math.min(least, value); most = Math.max(most, value); }
  return most ? [rounded(least, false), rounded(most, true)] : null;
}

/** The scale for `Lines`; undefined where nothing is above zero. @param {(number | null)[][]} rows */
export function logarithmic(rows) {
  const found = spread(rows);
  if (!found) return undefined;
  const [least, most] = found[0] === found[1] ? [found[0] / 10, found[1]] : found;
  return { scale: { distr: 3, log: 10, range: () => [least, most], clamp: () => least / 10 }, splits: () => logTicks(least, most) };
}
