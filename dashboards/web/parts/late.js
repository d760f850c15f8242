// @ts-check
/** A part that is loaded when it is first shown, so that a page without it need not wait for it. Never: a gap that jumps; its place is kept. */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';

/** @param {{load: () => Promise<any>, part: string, blank?: any, [name: string]: any}} props part: its name in the module */
export function Late({ load, part, blank = null, ...props }) {
  const [Part, setPart] = useState(/** @type {any} */ (null));
  useEffect(() => { load().then((module) => setPart(() => module[part])); }, []);
  return Part ? html`<${Part} ...${props} />` : blank;
}
