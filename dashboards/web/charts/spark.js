// @ts-check
/** A small chart without axes at the foot of a tile: a line for levels, bars for counts. Never: a line across a gap. */
import { html } from '../html.js';
import { gaps } from '../points.js';

const WIDE = 120;
const HIGH = 34;

/** @param {{values: (number | null)[], slot: number, bars?: boolean}} props */
export function Spark({ values, slot, bars = false }) {
  const most = Math.max(...values.map((value) => value ?? 0)) || 1;
  const dx = WIDE / values.length;
  const y = (/** @type {number} */ value) => HIGH - 2 - (HIGH - 8) * (value / most);
  if (values.every((value) => value === null)) return html`<svg class="spark" viewBox=${`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true"></svg>`;
  return html`<svg class=${`spark stroke-slot${slot}`} viewBox=${`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true">
    ${bars ? html`<path class=${`fill-slot${slot}`} d=${values.map((value, index) => (value === null ? '' : `M${round(index * dx)} ${HIGH}V${round(value ? y(value) : HIGH - 1)}h${round(dx * 0.7)}V${HIGH}Z`)).join('')} />` : runs(values).map(([first, last]) => {
      const dots = values.slice(first, last + 1).map((value, index) => `${round((first + index + 0.5) * dx)} ${round(y(Number(value)))}`);
      const line = dots.length > 1 ? `M${dots.join('L')}` : `M${dots[0]}h.01`;
      return html`<g key=${first}><path class=${`area fill-slot${slot}`} d=${`M${round((first + 0.5) * dx)} ${HIGH}L${dots.join('L')}L${round((last + 0.5) * dx)} ${HIGH}Z`} /><path class="line" d=${line} /></g>`;
    })}
  </svg>`;
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;

/** Runs of known values. @param {(number | null)[]} values @returns {[number, number][]} */
function runs(values) {
  const holes = gaps(values);
  /** @type {[number, number][]} */
  const known = [];
  let start = 0;
  for (const [first, last] of holes) {
    if (first > start) known.push([start, first - 1]);
    start = last + 1;
  }
  if (start < values.length) known.push([start, values.length - 1]);
  return known;
}
