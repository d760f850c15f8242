// @ts-check
/**
 * The address is the state: path and parameters as a signal, and the few ways to change them.
 *
 * Given: the browser's address. Gives: `route`, `navigate`, links that keep range and filters.
 * Never: a parameter thrown away because this page does not know it.
 */
import { computed, signal } from '@preact/signals';
import { parseFilter, formatFilter } from './filters.js';
import { momentOf } from './time.js';
import { ownZone } from './prefs.js';

const read = () => ({ path: location.pathname.replace(/(.)\/+$/, '$1'), search: location.search });
export const route = signal(read());
export const params = computed(() => new URLSearchParams(route.value.search));

/** @param {string} url @param {{replace?: boolean, keepScroll?: boolean}} [how] */
export function navigate(url, { replace = false, keepScroll = false } = {}) {
  const samePlace = new URL(url, location.href).pathname === location.pathname;
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  route.value = read();
  if (!samePlace && !keepScroll) scrollTo(0, 0);
}

/** Changes some parameters of this page; null removes one. @param {Record<string, string | string[] | null>} changes @param {{replace?: boolean}} [how] */
export function setParams(changes, how) {
  navigate(route.value.path + query(changes), how);
}

/** This page's parameters with changes, as a query text. @param {Record<string, string | string[] | null>} changes */
export function query(changes) {
  const next = new URLSearchParams(route.value.search);
  for (const [key, value] of Object.entries(changes)) {
    next.delete(key);
    for (const one of value === null ? [] : [value].flat()) next.append(key, one);
  }
  return spell(next);
}

/** Readable: colons and commas stay as they are. @param {URLSearchParams} search */
export function spell(search) {
  const text = search.toString().replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%3E', '>').replaceAll('%21', '!');
  return text ? `?${text}` : '';
}

/** A link to another page. @param {string} path @param {Record<string, string | string[] | null | undefined>} [set] @param {string[]} [keep] parameters taken along */
export function link(path, set = {}, keep = []) {
  const next = new URLSearchParams();
  for (const key of keep) for (const value of params.value.getAll(key)) next.append(key, value);
  for (const [key, value] of Object.entries(set)) {
    if (value === null || value === undefined) continue;
    if (key !== 'f') next.delete(key);
    for (const one of [value].flat()) if (!next.getAll(key).includes(one)) next.append(key, one);
  }
  return path + spell(next);
}

/** @param {string | null} name whether it is a zone */
export function isZone(name) {
  try {
    return Boolean(name && new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** The browser's own time zone. */
export const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The time zone of the URL, else the one that was chosen in Settings, else the browser's own. */
export const zone = computed(() => [params.value.get('tz'), ownZone.value].find(isZone) ?? browserZone());

/** The range of the URL, or the default where it is absent or malformed. @param {string} [from] */
export function rangeOr(from = 'now-1h') {
  const asked = { from: params.value.get('from') ?? from, to: params.value.get('to') ?? 'now' };
  const now = Date.now();
  const start = momentOf(asked.from, now);
  const end = momentOf(asked.to, now);
  return start !== null && end !== null && start < end ? asked : { from, to: 'now' };
}

/** The filters of the URL that can be read. */
export const filters = computed(() => params.value.getAll('f').map(parseFilter).filter((one) => one !== null));

/** @param {import('./filters.js').Filter[]} next @param {Record<string, string | null>} [also] */
export const setFilters = (next, also = {}) => setParams({ f: next.map(formatFilter), cursor: null, ...also });

/** Parameters that were written in a way that cannot be read, for the notice. */
export const malformed = computed(() => {
  const found = params.value.getAll('f').filter((text) => !parseFilter(text)).map((text) => `f=${text}`);
  const now = Date.now();
  for (const key of ['from', 'to']) {
    const text = params.value.get(key);
    if (text !== null && momentOf(text, now) === null) found.push(`${key}=${text}`);
  }
  return found;
});

/** This address with its relative times made absolute. */
export function absoluteUrl() {
  const next = new URLSearchParams(route.value.search);
  const now = Date.now();
  for (const key of ['from', 'to']) {
    const moment = next.has(key) ? momentOf(/** @type {string} */ (next.get(key)), now) : null;
    if (moment !== null) next.set(key, new Date(moment).toISOString());
  }
  if (next.has('from') && !next.has('to')) next.set('to', new Date(now).toISOString());
  return location.origin + route.value.path + spell(next);
}

/** Follows Back and Forward, and clicks on this origin's links. */
export function startRouter() {
  addEventListener('popstate', () => { route.value = read(); });
  document.addEventListener('click', (event) => {
    const anchor = /** @type {Element} */ (event.target).closest?.('a[href]');
    if (!anchor || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const href = /** @type {string} */ (anchor.getAttribute('href'));
    const target = new URL(href, location.href);
    if (target.origin !== location.origin || anchor.hasAttribute('download') || anchor.hasAttribute('target') || href.startsWith('#')) return;
    if (/^\/(api|docs|openapi|admin)\b/.test(target.pathname)) return;
    event.preventDefault();
    navigate(target.pathname + target.search);
  });
}
