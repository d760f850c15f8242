// @ts-check
/** What of an address belongs to a kept view, the address of a view, and a view from a file. Pure. Never: where somebody was within it. */

/** Say where somebody is, not what they look at; the zone is each reader's own. */
const PASSING = ['cursor', 'focus', 'sel', 'view', 'tz', 'compare'];

/** @param {URLSearchParams} search */
export function contentOf(search) {
  const kept = new URLSearchParams(search);
  for (const key of PASSING) kept.delete(key);
  return kept.toString();
}

/** Whether an address shows what a view keeps, in whatever order. @param {string} query @param {URLSearchParams} search */
export function sameContent(query, search) {
  const sorted = (/** @type {string} */ text) => [...new URLSearchParams(text)].map((pair) => pair.join('=')).sort().join('&');
  return sorted(contentOf(new URLSearchParams(query))) === sorted(contentOf(search));
}

/** @param {{page: string, query: string, view_id: string}} view @param {string | null} [zone] */
export function addressOf(view, zone = null) {
  const search = new URLSearchParams(view.query);
  search.set('view', view.view_id);
  if (zone) search.set('tz', zone);
  return `${view.page}?${search}`;
}

/** The view of a file as Download writes it; null where it is none. Whether it may be kept is the server's to say. @param {string} text @returns {{name: string, page: string, query: string, shared: boolean} | null} */
export function brought(text) {
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof told?.name !== 'string' || typeof told.page !== 'string' || typeof told.query !== 'string') return null;
  return { name: told.name, page: told.page, query: told.query, shared: told.shared === true };
}
