// @ts-check
/**
 * Hours of the day by weekdays: a cell each, darker the more, in at most seven steps of one hue; walked by keys.
 *
 * Given: cells with a value (null: unknown). Gives: the drawing with its legend. Never: an unknown cell that looks like a small one.
 */
import { useId, useState } from 'preact/hooks';
import { html } from '../html.js';
import { useSize } from '../parts/hooks.js';
import { edgesOf, stepOf } from '../heat.js';
import { Tip } from './frame.js';
import { Aloud } from './walk.js';

/** @typedef {import('../heat.js').Cell} Cell */

const LEFT = 52;
const RIGHT = 14;
const ROW = 24;
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MOVES = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] });

/** "Tue 14:00" @param {Cell} cell */
export const nameOf = (cell) => `${DAYS[cell.weekday]} ${String(cell.hour).padStart(2, '0')}:00`;

/** @param {{statement: string, cells: Cell[][], text: (value: number | null) => string, of: (n: number) => string}} props seven rows of 24; of: how many hours a cell is made of */
export function Heat({ statement, cells, text, of }) {
  const [ref, width] = useSize();
  const pattern = useId();
  const [at, setAt] = useState(/** @type {[number, number] | null} */ (null));
  const [walked, setWalked] = useState(false);
  const edges = edgesOf(cells.flat());
  const slot = Math.max(0, width - LEFT - RIGHT) / 24;
  const every = slot < 14 ? 6 : slot < 28 ? 3 : 1;
  const cell = at && cells[at[0]][at[1]];
  const point = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    const [row, hour] = [Math.floor((event.clientY - box.top) / ROW), Math.floor((event.clientX - box.left - LEFT) / slot)];
    setWalked(false);
    setAt(row >= 0 && row < 7 && hour >= 0 && hour < 24 ? [row, hour] : null);
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (move) setAt(at ? [Math.max(0, Math.min(6, at[0] + move[0])), Math.max(0, Math.min(23, at[1] + move[1]))] : [0, 0]);
    else if (event.key === 'Escape' && at) setAt(null);
    else return;
    setWalked(true);
    event.preventDefault();
    event.stopPropagation();
  };
  const high = ROW * 7 + 22;
  return html`<ul class="legend heat-legend">${edges.map((edge, index) => html`<li key=${index}><i class=${`heat${index + 1}`}></i>${index ? `from ${text(edge)}` : `under ${text(edges[1] ?? edge)}`}</li>`)}<li><i class="hatched"></i>no data</li></ul>
  <div class="plot heat" ref=${ref} style=${{ height: `${high}px` }}>
    ${width ? html`<svg role="img" aria-label=${statement} tabIndex="0" onKeyDown=${press} onBlur=${() => setAt(null)} width=${width} height=${high} onPointerMove=${point} onPointerLeave=${() => setAt(null)}>
      <defs><pattern id=${pattern} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V6" /></pattern></defs>
      ${cells.map((row, weekday) => html`<g key=${weekday}><text class="axis-text" x=${LEFT - 8} y=${weekday * ROW + 16} text-anchor="end">${DAYS[weekday]}</text>${row.map((one, hour) => html`<rect key=${hour} class=${one.value === null ? '' : `heat${stepOf(one.value, edges)}`} fill=${one.value === null ? `url(#${pattern})` : undefined} x=${LEFT + hour * slot + 1} y=${weekday * ROW + 1} width=${Math.max(1, slot - 2)} height=${ROW - 2} rx="2" />`)}</g>`)}
      ${Array.from({ length: 24 }, (_, hour) => (hour % every === 0 ? html`<text key=${hour} class="axis-text" x=${LEFT + (hour + 0.5) * slot} y=${high - 6} text-anchor="middle">${String(hour).padStart(2, '0')}</text>` : null))}
      ${at ? html`<rect class="heat-cursor" x=${LEFT + at[1] * slot} y=${at[0] * ROW} width=${slot} height=${ROW} rx="3" />` : null}
    </svg>` : null}
    ${cell && at ? html`<${Tip} x=${LEFT + (at[1] + 0.5) * slot} width=${width} title=${nameOf(cell)} rows=${[{ label: of(cell.hours), slot: 8, value: cell.value === null ? 'no data' : text(cell.value) }]} />` : null}
    <${Aloud} text=${cell && walked ? `${nameOf(cell)}: ${cell.value === null ? 'no data' : text(cell.value)}` : ''} /></div>`;
}
