// @ts-check
/**
 * What was left of a budget over its window: a step for each part, the pace that spends it exactly, and a line at zero.
 *
 * Given: points of the series. Gives: the drawing. Never: a line through a gap, or a budget below zero that looks like one above.
 */
import { html } from '../html.js';
import { percent, shortDateTime, whole } from '../format.js';
import { useSize } from '../parts/hooks.js';
import { zone } from '../url.js';
import { DEEPEST, lowest, runs } from '../slo/drawn.js';
import { Tip } from './frame.js';
import { useState } from 'preact/hooks';

/** @typedef {import('../slo/drawn.js').Part} Part */

const HIGH = 220;
const PAD = { left: 60, right: 12, top: 10, bottom: 22 };

/** "50 %", "≤ −200 %" where more is cut. @param {number} mark */
const axis = (mark) => `${mark === DEEPEST ? '≤\u2009' : ''}${mark < 0 ? '−' : ''}${Math.round(Math.abs(mark) * 100)}\u202f%`;

/** @param {{parts: Part[], statement: string}} props */
export function BurnDown({ parts, statement }) {
  const [ref, width] = useSize();
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const first = parts[0]?.at ?? 0;
  const last = parts.at(-1)?.end ?? 1;
  const least = lowest(parts);
  const inner = Math.max(1, width - PAD.left - PAD.right);
  const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  const x = (/** @type {number} */ ms) => round(PAD.left + inner * (ms - first) / (last - first));
  const y = (/** @type {number} */ left) => round(PAD.top + (HIGH - PAD.top - PAD.bottom) * (1 - Math.max(least, left)) / (1 - least));
  const marks = [...(least < 0 ? [least] : []), 0, 0.5, 1];
  const times = width < 480 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const part = at === null ? null : parts[at];
  const move = (/** @type {PointerEvent} */ event) => {
    const share = (event.clientX - /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left - PAD.left) / inner;
    const found = parts.findIndex((one) => one.end > first + share * (last - first));
    setAt(share < 0 || share > 1 || found < 0 ? null : found);
  };
  return html`<div class="plot burndown" ref=${ref} role="img" aria-label=${statement} onPointerMove=${move} onPointerLeave=${() => setAt(null)}>
    ${width ? html`<svg width=${width} height=${HIGH} aria-hidden="true">
      <defs><pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch-line" d="M0 0V6" /></pattern></defs>
      ${parts.filter((one) => !one.known || one.excluded).map((one) => html`<rect key=${one.at} class=${one.excluded ? 'out' : 'gap'} x=${x(one.at)} y=${PAD.top} width=${Math.max(1, x(one.end) - x(one.at))} height=${HIGH - PAD.top - PAD.bottom} />`)}
      ${marks.map((mark) => html`<g key=${mark}><path class=${mark === 0 ? 'zero' : 'grid'} d=${`M${PAD.left} ${y(mark)}H${width - PAD.right}`} /><text class="axis" x=${PAD.left - 8} y=${y(mark) + 4} text-anchor="end">${axis(mark)}</text></g>`)}
      ${times.map((share) => html`<text key=${share} class="axis" x=${PAD.left + inner * share} y=${HIGH - 4} text-anchor=${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}>${shortDateTime(first + share * (last - first), zone.value)}</text>`)}
      <path class="ideal" d=${`M${x(first)} ${y(1)}L${x(last)} ${y(0)}`} />
      ${runs(parts, x, y).map((run) => html`<path key=${run.slice(0, 14)} class="left-line" d=${run} />`)}
      ${least < 0 ? html`<clipPath id="below"><rect x="0" y=${y(0)} width=${width} height=${HIGH} /></clipPath>${runs(parts, x, y).map((run) => html`<path key=${run.slice(0, 14)} class="left-line spent" clip-path="url(#below)" d=${run} />`)}` : null}
      ${part ? html`<path class="cursor" d=${`M${x((part.at + part.end) / 2)} ${PAD.top}V${HIGH - PAD.bottom}`} />` : null}
    </svg>` : null}
    ${part ? html`<${Tip} x=${x((part.at + part.end) / 2)} width=${width} title=${shortDateTime(part.at, zone.value)} rows=${[{ label: 'left', slot: 1, value: part.left === null ? 'not known' : percent(part.left) }, { label: 'bad', slot: 9, value: `${whole(part.bad)} of ${whole(part.total)}` }]} />` : null}
  </div>`;
}
