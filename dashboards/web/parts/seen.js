// @ts-check
/** A part of a page that is made, and asks the server, once somebody scrolls near to it. Never: a request for what nobody looks at. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';

/** @param {{blank: any, when?: boolean, children: () => any}} props blank: as high as what comes; when: what stands above it is as high as it will be */
export function Seen({ blank, when = true, children }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen || !when || !ref.current) return undefined;
    const watch = new IntersectionObserver((entries) => { if (entries.some((one) => one.isIntersecting)) setSeen(true); });
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, [seen, when]);
  return seen ? children() : html`<div ref=${ref} aria-hidden="true">${blank}</div>`;
}
