// @ts-check
/**
 * Stacked bars over time, in SVG: sums per bucket. Unknown buckets are hatched, incomplete ones lighter.
 *
 * Given: buckets with a value per series (null: unknown). Gives: the drawing with axis, cursor, drag and click, by keys too.
 * Never: an unknown bucket drawn as an empty one.
 */
import { useId } from 'preact/hooks';
import { html } from '../html.js';
import { useSize } from '../parts/hooks.js';
import { ticks } from '../points.js';
import { Tip } from './frame.js';
import { Aloud, useDrag, useWalk } from './walk.js';

/**
 * @typedef {{at: number, end: number, values: (number | null)[], texts: string[], title: string, partial?: boolean}} Bucket at and end in ms
 * @typedef {{label: string, slot: number | null, faint?: boolean}} Series slot 0: other
 */

const TOP = 8;
const BOTTOM = 22;
/** As wide as beside lines, so that charts above one another begin at one edge. */
const AXIS = 52;
const RIGHT = 14;

/**
 * @param {{statement: string, buckets: Bucket[], series: Series[], height?: number, axis: (value: number) => string, time: (ms: number) => string,
 *   onPick?: (start: number, end: number) => void, stacked?: boolean, counts?: boolean, marks?: import('./marks.js').Happened}} props counts: only whole numbers on the axis
 */
export function Bars({ statement, buckets, series, height = 180, axis, time, onPick, stacked = true, counts = false, marks: happened }) {
  const [ref, width] = useSize();
  const pattern = useId();
  const unknown = buckets.every((bucket) => bucket.values.every((value) => value === null));
  const marks = unknown ? [] : ticks(Math.max(0, ...buckets.map((bucket) => total(bucket, stacked)))).filter((mark) => !counts || Number.isInteger(mark));
  const left = Math.max(AXIS, Math.min(76, 14 + 6.6 * Math.max(0, ...marks.map((mark) => axis(mark).length))));
  const most = marks[marks.length - 1] ?? 1;
  const inner = Math.max(0, width - left - RIGHT);
  const slot = buckets.length ? inner / buckets.length : 0;
  const y = (/** @type {number} */ value) => TOP + (height - TOP - BOTTOM) * (1 - value / most);
  const take = onPick && ((/** @type {number} */ first, /** @type {number} */ last) => onPick(buckets[first].at, buckets[last].end));
  const { hover, dragged, pointer } = useDrag(buckets.length, left, slot, take);
  const walk = useWalk(buckets.map((bucket) => bucket.at), take);
  const over = hover >= 0 ? hover : walk.at;
  const edges = buckets.length ? [...buckets.map((bucket) => bucket.at), buckets[buckets.length - 1].end] : [];
  const drag = dragged ?? walk.chosen;
  return html`<div class="plot" ref=${ref} style=${{ height: `${height}px` }}>
    ${width ? html`<svg role="img" aria-label=${statement} ...${walk.keys} width=${width} height=${height} class=${onPick ? 'pickable' : ''} ...${pointer}>
      <defs><pattern id=${pattern} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V6" /></pattern></defs>
      ${marks.map((mark) => html`<g key=${mark}><path class="grid-line" d=${`M${left} ${crisp(y(mark))}H${width - RIGHT}`} /><text class="axis-text" x=${left - 8} y=${y(mark) + 4} text-anchor="end">${axis(mark)}</text></g>`)}
      ${over >= 0 ? html`<rect class="bar-hover" x=${left + over * slot} y=${TOP} width=${slot} height=${height - TOP - BOTTOM} />` : null}
      ${buckets.map((bucket, index) => html`<${Stack} key=${bucket.at} bucket=${bucket} series=${series} x=${left + index * slot} slot=${slot} y=${y} pattern=${pattern} stacked=${stacked} />`)}
      ${timeMarks(buckets, inner).map((index) => html`<text class="axis-text" key=${index} x=${Math.max(left + 12, Math.min(width - 18, left + (index + 0.5) * slot))} y=${height - 6} text-anchor="middle">${time(buckets[index].at)}</text>`)}
      ${drag ? html`<rect class="drag" x=${left + drag[0] * slot} y=${TOP} width=${(drag[1] - drag[0] + 1) * slot} height=${height - TOP - BOTTOM} />` : null}
    </svg>` : null}
    ${unknown ? html`<p class="plot-note">No data</p>` : null}
    ${buckets[over] ? html`<${Tip} x=${left + (over + 0.5) * slot} width=${width} title=${buckets[over].title} rows=${series.map((one, index) => ({ ...one, value: buckets[over].texts[index] })).filter((row) => row.value)} />` : null}
    <${Aloud} text=${walk.at < 0 ? '' : walk.chosen ? `${buckets[walk.chosen[0]].title} to ${buckets[walk.chosen[1]].title}${onPick ? ', Enter opens' : ''}` : `${buckets[walk.at].title}: ${series.map((one, index) => `${buckets[walk.at].texts[index]} ${one.label}`).join(', ')}`} />
    ${happened?.list.length ? html`<${happened.Guides} marks=${happened.list} edges=${edges} left=${left} right=${RIGHT} />` : null}
  </div>${happened?.list.length ? html`<${happened.Strip} marks=${happened.list} edges=${edges} left=${left} right=${RIGHT} width=${width} />` : null}`;
}

/** @param {Bucket} bucket @param {boolean} stacked */
function total(bucket, stacked) {
  const known = bucket.values.map((value) => value ?? 0);
  return stacked ? known.reduce((sum, value) => sum + value, 0) : Math.max(0, ...known);
}

/** @param {number} value */
const crisp = (value) => Math.round(value) + 0.5;

/** @param {{bucket: Bucket, series: Series[], x: number, slot: number, y: (value: number) => number, pattern: string, stacked: boolean}} props */
function Stack({ bucket, series, x, slot, y, pattern, stacked }) {
  const gap = slot > 14 ? Math.min(10, slot * 0.28) : slot > 5 ? 1.5 : 0.5;
  const wide = Math.max(1, Math.min(48, slot - gap));
  const left = x + (slot - wide) / 2;
  const bottom = y(0);
  if (bucket.values.every((value) => value === null)) return bucket.partial ? null : html`<rect x=${x} y=${TOP} width=${slot} height=${bottom - TOP} fill=${`url(#${pattern})`} />`;
  let base = 0;
  return html`<g class=${bucket.partial ? 'partial' : ''}>${bucket.values.map((value, index) => {
    if (!value) return null;
    const from = stacked ? base : 0;
    base += value;
    const top = y(from + value);
    return html`<rect key=${index} class=${`fill-slot${series[index].slot ?? 0}${series[index].faint ? ' faint' : ''}`} x=${left} y=${top} width=${wide} height=${Math.max(1, y(from) - top)} />`;
  })}</g>`;
}

const ROUND_MS = [6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5];

/** Which buckets get a time below them: about one in 84 px, on round minutes where buckets are short. @param {Bucket[]} buckets @param {number} inner */
function timeMarks(buckets, inner) {
  const most = Math.max(1, Math.floor(inner / 84));
  const size = buckets.length > 1 ? buckets[1].at - buckets[0].at : 864e5;
  const onRound = (/** @type {number} */ step) => buckets.flatMap((bucket, index) => (bucket.at % step === 0 ? [index] : []));
  const step = size < 36e5 ? ROUND_MS.find((one) => one >= size && buckets.some((bucket) => bucket.at % one === 0) && onRound(one).length <= most) : undefined;
  if (step) return onRound(step);
  const every = Math.max(1, Math.ceil(buckets.length / most));
  const offset = every > 1 ? Math.floor(every / 2) : 0;
  return buckets.map((_, index) => index).filter((index) => index % every === offset);
}
