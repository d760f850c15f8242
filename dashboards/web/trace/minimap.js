// @ts-check
/** All spans of a trace on one small canvas; drag chooses the part in view. Never: the only way to zoom (keys and a button do it too). */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { useSize } from '../parts/hooks.js';
import { theme } from '../prefs.js';
import { isStructural, slotOf } from './layout.js';

const HIGH = 46;

/** @param {{nodes: import('./layout.js').Node[], whole: {start: number, end: number}, view: {start: number, end: number}, zoom: (view: {start: number, end: number} | null) => void}} props */
export function Minimap({ nodes, whole, view, zoom }) {
  const [ref, width] = useSize();
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [drag, setDrag] = useState(/** @type {[number, number] | null} */ (null));
  useEffect(() => { if (canvas.current && width) draw(canvas.current, width, nodes, whole); }, [width, nodes, whole.start, whole.end, theme.value]);
  const share = (/** @type {PointerEvent} */ event) => Math.max(0, Math.min(1, (event.clientX - /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left) / width));
  const size = whole.end - whole.start;
  const down = (/** @type {PointerEvent} */ event) => { /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId); setDrag([share(event), share(event)]); };
  const up = () => {
    if (!drag) return;
    const [from, to] = [...drag].sort((a, b) => a - b);
    setDrag(null);
    if (to - from > 0.004) zoom({ start: whole.start + from * size, end: whole.start + to * size });
  };
  const zoomed = view.start > whole.start || view.end < whole.end;
  const shown = drag ? [...drag].sort((a, b) => a - b) : [(view.start - whole.start) / size, (view.end - whole.start) / size];
  return html`<div class="minimap" ref=${ref} onPointerDown=${down} onPointerMove=${(/** @type {PointerEvent} */ event) => { if (drag) setDrag([drag[0], share(event)]); }} onPointerUp=${up} onPointerCancel=${() => setDrag(null)} onDblClick=${() => zoom(null)}>
    <canvas ref=${canvas} aria-hidden="true"></canvas>
    ${zoomed || drag ? html`<i class="mini-shade" style=${{ left: '0', width: `${shown[0] * 100}%` }}></i><i class="mini-shade" style=${{ left: `${shown[1] * 100}%`, right: '0' }}></i>` : null}
    ${zoomed ? html`<button class="button mini-fit" onPointerDown=${(/** @type {Event} */ event) => event.stopPropagation()} onClick=${() => zoom(null)}>Show all</button>` : null}
  </div>`;
}

/** @param {HTMLCanvasElement} canvas @param {number} width @param {import('./layout.js').Node[]} nodes @param {{start: number, end: number}} whole */
function draw(canvas, width, nodes, whole) {
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = HIGH * ratio;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const css = getComputedStyle(document.documentElement);
  const colours = new Map(Array.from({ length: 10 }, (_, index) => [index + 1, css.getPropertyValue(`--s${index + 1}`)]));
  const crit = css.getPropertyValue('--crit');
  context.scale(ratio, ratio);
  const scale = width / (whole.end - whole.start);
  const line = Math.max(1, Math.min(3, (HIGH - 6) / nodes.length));
  for (const node of nodes) {
    const failed = node.span.status === 'error';
    context.fillStyle = failed ? crit : String(colours.get(slotOf(node.span)));
    context.globalAlpha = isStructural(node.span) && !failed ? 0.45 : 1;
    const y = 3 + (HIGH - 6 - line) * (nodes.length > 1 ? node.index / (nodes.length - 1) : 0);
    const end = node.span.duration_ns === null ? whole.end : node.span.start_offset_ns + node.span.duration_ns;
    context.fillRect((node.span.start_offset_ns - whole.start) * scale, y, Math.max(1, (end - node.span.start_offset_ns) * scale), line);
  }
}
