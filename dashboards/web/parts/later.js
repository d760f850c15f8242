// @ts-check
/** A part of a page that is fetched when it is first shown, with the styles that only it needs. Never: a page that waits for what nobody asked to see. */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';

/** Of what opens over a page. */
export const OVERLAYS = '/assets/parts/overlays.css';

/** @type {Map<string, Promise<void>>} */
const asked = new Map();

/** @param {string | undefined} href @returns {Promise<void> | undefined} once the styles are there, or cannot be had */
export function dressed(href) {
  if (href && !asked.has(href)) asked.set(href, new Promise((resolve) => { document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload: () => resolve(), onerror: () => resolve() })); }));
  return asked.get(href ?? '');
}

/** @param {{load: () => Promise<any>, part: string, styles?: string, blank?: any} & Record<string, any>} props the module, the name of the component in it, and what the component is given */
export function Later({ load, part, styles, blank = null, ...props }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let stale = false;
    const show = (/** @type {any} */ component) => { if (!stale) setFound(() => component); };
    Promise.all([load(), dressed(styles)]).then(([module]) => show(module[part]), () => show(Missing));
    return () => { stale = true; };
  }, []);
  return found ? html`<${found} ...${props} />` : blank;
}

const Missing = () => html`<p class="face" role="alert">This part of the page could not be loaded. Is the server running?</p>`;
