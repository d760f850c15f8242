// @ts-check
/**
 * How values are spread: a bar for each stretch of values, and the time before as a line over it.
 *
 * Given: shares by stretch (null: nobody has a value). Gives: the drawing; bars can be chosen, by keys too. Never: shares of nothing drawn as none.
 */
import { html } from '../html.js';
import { percent } from '../format.js';
import { useSize } from '../parts/hooks.js';
import { ticks } from '../points.js';
import { Tip } from './frame.js';
import { Aloud, useDrag, useWalk } from './walk.js';

/** @typedef {{share: number | null, before: number | null, title: string, at: number, edge: string, chosen: boolean}} Bin at: where it begins; edge: what stands there */

const TOP = 8;
const BOTTOM = 22;
const LEFT = 52;
const RIGHT = 14;

/** @param {{statement: string, bins: Bin[], height?: number, onPick: (first: number, last: number) => void}} props */
export function Histogram({ statement, bins, height = 220, onPick }) {
  const [ref, width] = useSize();
  const known = bins.some((bin) => bin.share !== null);
  const marks = ticks(Math.max(0.01, ...bins.flatMap((bin) => [bin.share ?? 0, bin.before ?? 0])));
  const most = marks[marks.length - 1];
  const slot = bins.length ? Math.max(0, width - LEFT - RIGHT) / bins.length : 0;
  const y = (/** @type {number} */ value) => TOP + (height - TOP - BOTTOM) * (1 - value / most);
  const { hover, dragged, pointer } = useDrag(bins.length, LEFT, slot, onPick);
  const walk = useWalk(bins.map((bin) => bin.at), onPick);
  const drag = dragged ?? walk.chosen;
  const over = hover >= 0 ? hover : walk.at;
  const every = Math.max(1, Math.ceil(52 / Math.max(1, slot)));
  const before = bins.some((bin) => bin.before !== null);
  const steps = bins.map((bin, index) => `${index ? 'L' : 'M'}${LEFT + index * slot} ${y(bin.before ?? 0)}H${LEFT + (index + 1) * slot}`).join('');
  const bin = bins[over];
  const reads = (/** @type {Bin} */ one) => [{ label: 'now', slot: 1, value: percent(one.share) }, { label: 'before', slot: 8, value: one.before === null ? 'no data' : percent(one.before) }];
  return html`<div class="plot" ref=${ref} style=${{ height: `${height}px` }}>
    ${width && known ? html`<svg role="img" aria-label=${statement} ...${walk.keys} class="pickable" width=${width} height=${height} ...${pointer}>
      ${marks.map((mark) => html`<g key=${mark}><line class="grid-line" x1=${LEFT} x2=${width - RIGHT} y1=${y(mark)} y2=${y(mark)} /><text class="axis-text" x=${LEFT - 8} y=${y(mark) + 4} text-anchor="end">${percent(mark).replace(/\.0+(?=\D)/, '')}</text></g>`)}
      ${bin ? html`<rect class="bar-hover" x=${LEFT + over * slot} y=${TOP} width=${slot} height=${height - TOP - BOTTOM} />` : null}
      ${bins.map((one, index) => html`<g key=${index}>${one.share ? html`<rect class=${`fill-slot1${bins.some((other) => other.chosen) && !one.chosen ? ' faint' : ''}`} x=${LEFT + index * slot + 1} y=${y(one.share)} width=${Math.max(1, slot - 2)} height=${Math.max(1, y(0) - y(one.share))} rx="1" />` : null}
        ${index && index % every === 0 ? html`<text class="axis-text" x=${LEFT + index * slot} y=${height - 6} text-anchor="middle">${one.edge}</text>` : null}</g>`)}
      ${drag && drag[1] > drag[0] ? html`<rect class="drag" x=${LEFT + drag[0] * slot} y=${TOP} width=${(drag[1] - drag[0] + 1) * slot} height=${height - TOP - BOTTOM} />` : null}
      ${before ? html`<path class="before-line stroke-slot8" d=${steps} />` : null}
    </svg>` : null}
    ${known ? null : html`<p class="plot-note">Not measured</p>`}
    ${bin && known ? html`<${Tip} x=${LEFT + (over + 0.5) * slot} width=${width} title=${bin.title} rows=${reads(bin)} />` : null}
    <${Aloud} text=${walk.at < 0 ? '' : walk.chosen ? `from ${bins[walk.chosen[0]].title} up to ${bins[walk.chosen[1]].title}, Enter chooses` : `${bins[walk.at].title}: ${reads(bins[walk.at]).map((row) => `${row.label} ${row.value}`).join(', ')}`} />
  </div>`;
}
