// @ts-check
/**
 * A chart by pointer: press and let go chooses a stretch of it. And by keys: arrows move the cursor, with Shift they choose a stretch, Enter opens it, Escape lets go.
 *
 * Given: where each value of the axis stands, ascending. Gives: the place of the cursor, the stretch, what the drawing listens to, what is said aloud.
 * Never: a stretch that moves to other times when new values come.
 */
import { useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { indexOf, walked } from '../along.js';

/** @typedef {import('../along.js').Place} Place */

/**
 * @param {number[]} marks @param {((first: number, last: number) => void) | undefined} take what Enter does with the indexes of a stretch
 * @returns {{at: number, chosen: [number, number] | null, keys: Record<string, any>}} at: -1 while nobody walks; chosen: more than one
 */
export function useWalk(marks, take) {
  const [place, setPlace] = useState(/** @type {Place | null} */ (null));
  const here = place && marks.length ? place : null;
  const ends = here ? [indexOf(marks, here.at), indexOf(marks, here.anchor)].sort((a, b) => a - b) : [-1, -1];
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = walked(here, event.key, event.shiftKey, marks);
    if (next) setPlace(next);
    else if (event.key === 'Escape' && here) setPlace(null);
    else if (event.key === 'Enter' && here && take) take(ends[0], ends[1]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return { at: here ? indexOf(marks, here.at) : -1, chosen: ends[1] > ends[0] ? [ends[0], ends[1]] : null, keys: { tabIndex: 0, onKeyDown: press, onBlur: () => setPlace(null) } };
}

/**
 * @param {number} count how many places there are @param {number} left px @param {number} slot px of a place @param {((first: number, last: number) => void) | undefined} take
 * @returns {{hover: number, dragged: number[] | null, pointer: Record<string, any>}} hover: -1 while nobody points
 */
export function useDrag(count, left, slot, take) {
  const [hover, setHover] = useState(-1);
  const from = useRef(-1);
  const indexAt = (/** @type {PointerEvent} */ event) => {
    const at = Math.floor((event.clientX - /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left - left) / slot);
    return at >= 0 && at < count ? at : -1;
  };
  const since = (/** @type {number} */ at) => (from.current >= 0 && at >= 0 ? [from.current, at].sort((a, b) => a - b) : null);
  const release = (/** @type {PointerEvent} */ event) => {
    const chosen = since(indexAt(event));
    from.current = -1;
    if (chosen && take) take(chosen[0], chosen[1]);
  };
  return {
    hover, dragged: since(hover), pointer: {
      onPointerMove: (/** @type {PointerEvent} */ event) => setHover(indexAt(event)), onPointerLeave: () => { setHover(-1); from.current = -1; },
      onPointerDown: (/** @type {PointerEvent} */ event) => { from.current = event.button ? -1 : indexAt(event); }, onPointerUp: release,
    },
  };
}

/** What the cursor stands on, aloud. @param {{text: string}} props */
export const Aloud = ({ text }) => html`<span class="hidden-text" role="status">${text}</span>`;
