// @ts-check
/**
 * Seconds into steps: merging, back-off and thinning of live points. Pure.
 *
 * Given: points keyed by their second. Gives: sorted points, steps on wall-clock multiples, runs without data.
 * Never: a value in a step in which nothing came.
 */

/**
 * @typedef {{t: number, calls: number, errors: number, cost: string | null, unpriced: number, input_tokens: number, output_tokens: number,
 *   p50: number | null, p95: number | null, p99: number | null, ttfc_p95: number | null, spans: number}} Point
 * @typedef {{t: number, calls: number | null, errors: number | null, cost: number | null, tokens: number | null,
 *   p50: number | null, p95: number | null, p99: number | null, ttfc: number | null}} Step
 */

const KEPT_S = 1200;

/** Each second once, newest value wins, sorted, the last 20 minutes. @param {Point[]} old @param {Point[]} fresh @returns {Point[]} */
export function mergePoints(old, fresh) {
  const bySecond = new Map(old.map((point) => [point.t, point]));
  for (const point of fresh) bySecond.set(point.t, point);
  const sorted = [...bySecond.values()].sort((a, b) => a.t - b.t);
  const oldest = (sorted.at(-1)?.t ?? 0) - KEPT_S;
  return sorted.filter((point) => point.t > oldest);
}

/** Milliseconds before the next attempt: 250 · 2^n up to 10 s, half to one and a half of it. @param {number} attempt from 0 @param {number} random 0 to 1 */
export const backOff = (attempt, random) => Math.min(10_000, 250 * 2 ** Math.min(attempt, 10)) * (0.5 + random);

/** @param {(number | null)[]} values */
const highest = (values) => values.reduce((most, value) => (value !== null && (most === null || value > most) ? value : most), /** @type {number | null} */ (null));

/**
 * Points thinned to steps on wall-clock multiples. Counts are sums; p50 is weighted by calls; p95, p99 and the first token are the
 * highest second (the true figure of the step is never above it).
 * @param {Point[]} points @param {number} end unix s @param {number} length s @param {number} step s @returns {Step[]}
 */
export function steps(points, end, length, step) {
  const last = Math.floor(end / step) * step;
  const first = last - Math.floor(length / step) * step;
  /** @type {Map<number, Point[]>} */
  const bins = new Map();
  for (const point of points) {
    const at = Math.floor(point.t / step) * step;
    if (at <= first || at > last) continue;
    const bin = bins.get(at);
    if (bin) bin.push(point);
    else bins.set(at, [point]);
  }
  const result = [];
  for (let at = first + step; at <= last; at += step) result.push(oneStep(at, bins.get(at) ?? []));
  return result;
}

/** @param {number} t @param {Point[]} bin @returns {Step} */
function oneStep(t, bin) {
  if (!bin.length) return { t, calls: null, errors: null, cost: null, tokens: null, p50: null, p95: null, p99: null, ttfc: null };
  const sum = (/** @type {(point: Point) => number | null} */ of) => bin.reduce((total, point) => total + (of(point) ?? 0), 0);
  const timed = bin.filter((point) => point.p50 !== null);
  const weight = timed.reduce((total, point) => total + point.calls, 0);
  const weighted = timed.reduce((total, point) => total + Number(point.p50) * point.calls, 0);
  return {
    t,
    calls: sum((point) => point.calls),
    errors: sum((point) => point.errors),
    cost: bin.some((point) => point.cost !== null) ? sum((point) => (point.cost === null ? null : Number(point.cost))) : null,
    tokens: sum((point) => point.input_tokens + point.output_tokens),
    p50: weight ? weighted / weight : null,
    p95: highest(bin.map((point) => point.p95)),
    p99: highest(bin.map((point) => point.p99)),
    ttfc: highest(bin.map((point) => point.ttfc_p95)),
  };
}

/** Runs of indexes without a value. @param {(number | null)[]} values @returns {[number, number][]} first and last index of each */
export function gaps(values) {
  /** @type {[number, number][]} */
  const runs = [];
  values.forEach((value, index) => {
    if (value !== null) return;
    const open = runs.at(-1);
    if (open && open[1] === index - 1) open[1] = index;
    else runs.push([index, index]);
  });
  return runs;
}

/** Three to five round ticks from 0. @param {number} most @returns {number[]} */
export function ticks(most) {
  if (!(most > 0)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999) ?? power * 10;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Round ticks from 0 to both sides, as far as there are values. @param {number} least @param {number} most @returns {number[]} */
export function ticksAround(least, most) {
  if (!(least < 0)) return ticks(most);
  const below = ticks(-least).slice(1).reverse().map((mark) => -mark);
  return most > 0 ? [...below, ...ticks(most)] : [...below, 0];
}
