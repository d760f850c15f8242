// @ts-check
/** A part of a page that is fetched when it is first shown. Never: a page that waits for what nobody asked to see. */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';

/** @param {{load: () => Promise<any>, part: string, blank?: any} & Record<string, any>} props the module, the name of the component in it, and what the component is given */
export function Later({ load, part, blank = null, ...props }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let stale = false;
    load().then((module) => { if (!stale) setFound(() => module[part]); }, () => { if (!stale) setFound(() => Missing); });
    return () => { stale = true; };
  }, []);
  return found ? html`<${found} ...${props} />` : blank;
}

const Missing = () => html`<p class="face" role="alert">This part of the page could not be loaded. Is the server running?</p>`;
