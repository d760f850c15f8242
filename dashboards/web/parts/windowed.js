// @ts-check
/** The rows of a long list that are in sight of the window, and the room that the others take. Never: more rows in the page than fit it a few times. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

const SHORT = 200; // so many rows are drawn whole
const AHEAD = 15;
const STEP = 10; // drawn anew only after so many rows

/**
 * @param {number} count @param {number} usual the height of a row until one was measured, in px
 * @returns {{body: import('preact').RefObject<any>, first: number, last: number, before: number, after: number, show: (index: number) => void}} body: of the table; room in px
 */
export function useWindowed(count, usual = 33) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const height = useRef(usual);
  const [part, setPart] = useState([0, SHORT]);
  const long = count > SHORT;
  useLayoutEffect(() => {
    if (!long) return undefined;
    let frame = 0;
    const look = () => {
      const box = body.current;
      if (!box) return;
      height.current = box.querySelector('tr:not([aria-hidden])')?.getBoundingClientRect().height || height.current;
      const top = box.getBoundingClientRect().top;
      const row = (/** @type {number} */ y) => Math.round((y - top) / height.current / STEP) * STEP;
      const next = [Math.max(0, Math.min(count - AHEAD, row(0) - AHEAD)), Math.min(count, Math.max(AHEAD, row(innerHeight) + AHEAD))];
      setPart((old) => (old[0] === next[0] && old[1] === next[1] ? old : next));
    };
    const later = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(look); };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => { cancelAnimationFrame(frame); removeEventListener('scroll', later); removeEventListener('resize', later); };
  }, [count, long]);
  const first = long ? part[0] : 0;
  const last = long ? Math.min(count, part[1]) : count;
  const show = (/** @type {number} */ index) => scrollBy(0, (body.current?.getBoundingClientRect().top ?? 0) + index * height.current - innerHeight / 2);
  return { body, first, last, before: first * height.current, after: (count - last) * height.current, show };
}
