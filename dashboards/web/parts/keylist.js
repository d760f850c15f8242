// @ts-check
/** The keys, and what each does; loaded when it is opened first. Never: a key that does nothing. */
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { copyLink, keyList } from '../keys.js';

const KEYS = [
  ['Ctrl K, ⌘ K', 'Commands: go anywhere by name'], ['/', 'Search'], ['g l', 'Live'], ['g t', 'Traces'], ['g c', 'Costs'], ['g b', 'Budgets'], ['g s', 'SLOs'], ['g a', 'Alerts'], ['g v', 'Services'], ['g r', 'Trends'], ['g u', 'Audio'], ['g o', 'Logs'], ['g q', 'Query'], ['g ,', 'Settings'], ['t', 'Time range'], ['[ ]', 'Earlier, later'], ['z', 'Zoom out'],
  ['p', 'Pause or go on'], ['y', 'Copy link'], ['j k', 'Move in lists'], ['Enter', 'Open'], ['← →', 'Along a chart; with Shift a stretch of it'], ['Esc', 'Close'], ['a', 'Acknowledge (alerts)'], ['x', 'Choose a row (alerts); look now (services)'], ['e', 'Next error (trace)'], ['c', 'Next costly span (trace)'], ['f', 'Fit (trace)'], ['w', 'Critical path (trace)'], ['d', 'What is different (traces)'], ['m f i u', 'Costs by model, feature, tier, user'],
];

export function KeyList() {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => { if (!ref.current?.open) ref.current?.showModal(); }, []);
  const close = () => { keyList.value = false; };
  return html`<dialog class="dialog" ref=${ref} onClose=${close} aria-labelledby="keys-title">
    <header class="card-head"><h2 id="keys-title">Keys</h2><span class="card-actions"><button class="icon-button" aria-label="Close" onClick=${() => ref.current?.close()}><${Icon} name="cross" /></button></span></header>
    <dl class="keys">${KEYS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <footer class="dialog-foot"><button class="button" onClick=${copyLink}><${Icon} name="link" />Copy link to this view</button></footer>
  </dialog>`;
}
