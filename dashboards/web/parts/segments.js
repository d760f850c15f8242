// @ts-check
/** A choice of a few, kept in the URL. Never: a choice that only the eye can tell. */
import { html } from '../html.js';
import { setParams } from '../url.js';

/** @param {{label: string, name: string, value: string, options: Record<string, string>}} props */
export function Segments({ label, name, value, options }) {
  return html`<div class="segments" role="group" aria-label=${label}>${Object.entries(options).map(([key, text]) => html`<button key=${key} aria-pressed=${key === value} onClick=${() => setParams({ [name]: key, cursor: null })}>${text}</button>`)}</div>`;
}
