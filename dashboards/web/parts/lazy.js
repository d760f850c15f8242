// @ts-check
/** A part of a page that is loaded when it is asked for, with the styles that only it needs. Never: shown before these are there. */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';

/** @param {string} href @returns {Promise<void>} once the styles are there, or cannot be had */
function styled(href) {
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve) => { document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload: () => resolve(), onerror: () => resolve() })); });
}

/** @param {{load: () => Promise<any>, props?: any, styles?: string}} props load: gives the component */
export function Lazy({ load, props = {}, styles }) {
  const [Part, setPart] = useState(/** @type {any} */ (null));
  useEffect(() => { Promise.all([load(), styles && styled(styles)]).then(([part]) => setPart(() => part)); }, []);
  return Part ? html`<${Part} ...${props} />` : null;
}
