// @ts-check
/** The rows of a long list that are in sight of the window, and the room that the others take; keys walk it. Never: more rows in the page than fit it a few times. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';

const SHORT = 200; // so many rows are drawn whole, where nobody says otherwise
const AHEAD = 15;
const STEP = 10; // drawn anew only after so many rows

/**
 * @param {number} count @param {number} [usual] the height of a row until one was measured, in px @param {number} [whole] so many rows are drawn whole
 * @returns {{body: import('preact').RefObject<any>, first: number, last: number, before: number, after: number, show: (index: number) => void}} body: of the table; room in px
 */
export function useWindowed(count, usual = 33, whole = SHORT) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const height = useRef(usual);
  const [part, setPart] = useState([0, Math.ceil(innerHeight / usual) + AHEAD]);
  const long = count > whole;
  const look = () => {
    const box = body.current;
    if (!box || !long) return;
    height.current = box.querySelector('tr:not([aria-hidden])')?.getBoundingClientRect().height || height.current;
    const top = box.getBoundingClientRect().top;
    const row = (/** @type {number} */ y) => Math.round((y - top) / height.current / STEP) * STEP;
    const next = [Math.max(0, Math.min(count - AHEAD, row(0) - AHEAD)), Math.min(count, Math.max(AHEAD, row(innerHeight) + AHEAD))];
    setPart((old) => (old[0] === next[0] && old[1] === next[1] ? old : next));
  };
  useLayoutEffect(() => {
    if (!long) return undefined;
    let frame = 0;
    const later = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(look); };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => { cancelAnimationFrame(frame); removeEventListener('scroll', later); removeEventListener('resize', later); };
  }, [count, long]);
  const first = long ? part[0] : 0;
  const last = long ? Math.min(count, part[1]) : count;
  const show = (/** @type {number} */ index) => {
    scrollBy(0, (body.current?.getBoundingClientRect().top ?? 0) + index * height.current - innerHeight / 2);
    look();
  };
  return { body, first, last, before: first * height.current, after: (count - last) * height.current, show };
}

/** The room of rows that are not drawn. @param {{height: number, columns: number}} props */
export const Room = ({ height, columns }) => (height ? html`<tr class="room" aria-hidden="true"><td colspan=${columns} style=${{ height: `${height}px` }}></td></tr>` : null);

/**
 * A list that keys walk: every press counts, also one that comes before the row that the last one led to is drawn.
 * @param {number} count @param {{body: import('preact').RefObject<any>, show: (index: number) => void}} sight whose rows hold a link with its index in `data-row`
 * @returns {{move: (by: number) => void, follow: (event: FocusEvent) => void}} follow: where the focus came to by other ways
 */
export function useRowKeys(count, { body, show }) {
  const at = useRef(-1);
  const waiting = useRef(false);
  const focus = () => {
    const row = body.current?.querySelector(`[data-row="${at.current}"]`);
    row?.focus();
    waiting.current = !row;
  };
  useLayoutEffect(() => { if (waiting.current) focus(); });
  const move = (/** @type {number} */ by) => {
    at.current = Math.max(0, Math.min(count - 1, at.current + by));
    focus();
    if (waiting.current) show(at.current);
  };
  const follow = (/** @type {FocusEvent} */ event) => { at.current = Number(/** @type {HTMLElement} */ (event.target).dataset.row ?? at.current); };
  return { move, follow };
}
