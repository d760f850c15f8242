// @ts-check
/** What several parts need of the browser: an element's width, clicks outside, a list that holds still. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** The width of an element, followed. @returns {[import('preact').RefObject<any>, number, number]} ref, width, height */
export function useSize() {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [size, setSize] = useState([0, 0]);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const measure = () => setSize((old) => (old[0] === element.clientWidth && old[1] === element.clientHeight ? old : [element.clientWidth, element.clientHeight]));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size[0], size[1]];
}

/** Calls `close` on Escape or a press outside while open. @param {boolean} open @param {() => void} close */
export function useDismiss(open, close) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => { // at once: the next key may come before the browser paints
    if (!open) return undefined;
    const press = (/** @type {Event} */ event) => { if (!ref.current?.contains(/** @type {Node} */ (event.target))) close(); };
    const key = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      close();
      ref.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', press);
    document.addEventListener('keydown', key, true);
    return () => { document.removeEventListener('pointerdown', press); document.removeEventListener('keydown', key, true); };
  }, [open]);
  return ref;
}

/**
 * A list whose order and length hold while the pointer or the focus is in it; values still change in place.
 * @template T @param {T[]} items @param {(item: T) => string} keyOf
 * @returns {{shown: T[], waiting: number, hold: Record<string, () => void>}}
 */
export function useSteady(items, keyOf) {
  const held = useRef(/** @type {string[] | null} */ (null));
  const inside = useRef(0);
  const [, redraw] = useState(0);
  const enter = () => { inside.current += 1; held.current ??= items.map(keyOf); };
  const leave = () => {
    inside.current = Math.max(0, inside.current - 1);
    if (inside.current) return;
    held.current = null;
    redraw((n) => n + 1);
  };
  const hold = { onPointerEnter: enter, onPointerLeave: leave, onFocusIn: enter, onFocusOut: leave };
  if (!held.current) return { shown: items, waiting: 0, hold };
  const byKey = new Map(items.map((item) => [keyOf(item), item]));
  const order = held.current;
  const shown = order.map((key) => byKey.get(key)).filter((item) => item !== undefined);
  return { shown: /** @type {T[]} */ (shown), waiting: items.filter((item) => !order.includes(keyOf(item))).length, hold };
}
