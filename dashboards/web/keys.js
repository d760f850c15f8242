// @ts-check
/**
 * Keys that work everywhere, and those that a page adds. All of it also works by pointer.
 *
 * Given: key presses outside fields. Gives: navigation and actions. Never: a single key while someone types, or when switched off.
 */
import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { absoluteUrl, link, navigate, rangeOr, setParams } from './url.js';
import { shift, zoomOut } from './time.js';
import { togglePause } from './live.js';
import { shortcuts } from './prefs.js';
import { toast } from './parts/toast.js';
import { rangeButtonId } from './parts/range.js';

export const keyList = signal(false);
export const palette = signal(false);
const PLACES = /** @type {Record<string, string>} */ ({ l: '/', t: '/traces', c: '/costs', b: '/costs/budgets', s: '/slos', v: '/services', a: '/alerts', r: '/trends', u: '/audio', o: '/logs', q: '/query', ',': '/settings' });
const KEPT = ['tz'];

/** Keys of the page in view; one that gives false leaves the key to the browser. @type {Record<string, (event: KeyboardEvent) => unknown>} */
let pageKeys = {};
let leader = 0;

/** @param {Record<string, (event: KeyboardEvent) => unknown>} keys */
export function usePageKeys(keys) {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => { // at once: the next key may come before the browser paints
    const mine = Object.fromEntries(Object.keys(keys).map((key) => [key, (/** @type {KeyboardEvent} */ event) => latest.current[key](event)]));
    pageKeys = mine;
    return () => { if (pageKeys === mine) pageKeys = {}; };
  }, []);
}

export async function copyLink() {
  try {
    await navigator.clipboard.writeText(absoluteUrl());
    toast('Link copied, with its times made absolute');
  } catch {
    toast('The browser did not allow copying');
  }
}

/** @param {string} fallback the page's own default range */
const everywhere = (fallback) => /** @type {Record<string, (event: KeyboardEvent) => unknown>} */ ({
  '/': () => search(),
  '?': () => { keyList.value = true; },
  t: () => document.getElementById(rangeButtonId)?.click(),
  '[': () => setRange(shift(rangeOr(fallback), -1, Date.now())),
  ']': () => setRange(shift(rangeOr(fallback), 1, Date.now())),
  z: () => setRange(zoomOut(rangeOr(fallback), Date.now())),
  p: () => togglePause(),
  y: () => { copyLink(); },
});

/** @param {import('./time.js').Range} range */
function setRange(range) {
  if (document.getElementById(rangeButtonId)) setParams({ from: range.from, to: range.to === 'now' ? null : range.to, cursor: null });
}

/** The search field of this page, or the one of Traces. */
export function search() {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector('[data-search]'));
  if (field) field.focus();
  else navigate(link('/traces', { focus: 'search' }, KEPT));
}

/** @param {KeyboardEvent} event @param {string} fallback */
function press(event, fallback) {
  if ((event.metaKey || event.ctrlKey) && !event.altKey && event.key.toLowerCase() === 'k') { event.preventDefault(); palette.value = !palette.value; return; }
  const target = /** @type {HTMLElement} */ (event.target);
  if (!shortcuts.value || event.metaKey || event.ctrlKey || event.altKey || target.closest?.('input, textarea, select, [contenteditable], dialog')) return;
  if (leader && performance.now() - leader < 1200) {
    leader = 0;
    const place = PLACES[event.key];
    if (place) { event.preventDefault(); navigate(link(place, {}, KEPT)); }
    return;
  }
  leader = event.key === 'g' ? performance.now() : 0;
  const act = pageKeys[event.key] ?? everywhere(fallback)[event.key];
  if (!act) return;
  if (act(event) !== false) event.preventDefault();
}

/** @param {() => string} fallback */
export const startKeys = (fallback) => addEventListener('keydown', (event) => press(event, fallback()));
