// @ts-check
/**
 * The card, and the faces it shows besides its figures: loading, error, forbidden, nothing yet, no match.
 *
 * Given: what useLoad gives. Gives: the card's body. Never: a spinner before 300 ms, a jump in size, good figures thrown away.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { now } from '../live.js';
import { clock } from '../format.js';
import { zone } from '../url.js';
import { Later } from './later.js';
import { toast } from './toast.js';

/** @param {{title: any, sub?: any, actions?: any, busy?: boolean, class?: string, id?: string, children: any}} props */
export function Card({ title, sub, actions, busy = false, class: extra = '', id, children }) {
  return html`<section class=${`card ${extra}`} aria-busy=${busy ? 'true' : 'false'} id=${id} aria-label=${typeof title === 'string' ? title : undefined}>
    <header class="card-head"><h2>${title}</h2>${sub ? html`<span class="sub">${sub}</span>` : null}<span class="card-actions">${actions}</span></header>
    ${children}
  </section>`;
}

/**
 * The body of a card by its load; `children` draws the data.
 * @param {{load: import('../api.js').Load, what: string, blank?: any, boxed?: boolean, children: (data: any) => any}} props boxed: the faces stand outside any card and bring their own
 */
export function Faces({ load, what, blank, boxed = false, children }) {
  const box = (/** @type {any} */ face) => (boxed ? html`<section class="card boxed" aria-label=${what}>${face}</section>` : face);
  if (load.error?.status === 403) return box(html`<p class="face"><${Icon} name="key" />Needs another role: ${load.error.message}</p>`);
  if (!load.data && load.error) return box(html`<${Failure} load=${load} what=${what} />`);
  if (!load.data) return blank ?? html`<div class="face blank"></div>`;
  return html`${load.error ? html`<${Failure} load=${load} what=${what} />` : null}
    <div class=${load.error ? 'stale' : 'fresh'}>${children(load.data)}</div>`;
}

/** @param {{load: import('../api.js').Load, what: string}} props */
export function Failure({ load, what }) {
  const error = /** @type {import('../api.js').ApiError} */ (load.error);
  const wait = load.retryAt ? Math.max(1, Math.ceil((load.retryAt - now.value) / 1000)) : null;
  const code = error.status ? ` (${error.status})` : '';
  return html`<div class="face failure" role="alert">
    <${Icon} name="octagon" />
    <p><strong>Could not load ${what}${code}.</strong> ${wait ? `Retrying in ${wait} s.` : error.message}
      ${load.at ? ` Figures are of ${clock(load.at, zone.value)}.` : ''}${error.requestId ? html` <span class="mono">Request ${error.requestId}</span>` : ''}</p>
    <button class="button" onClick=${load.reload}>Retry</button>
  </div>`;
}

/** Nothing has ever come: one sentence and what to do. @param {{title: string, children?: any}} props */
export function Empty({ title, children }) {
  return html`<div class="face empty"><p class="face-title">${title}</p>${children}</div>`;
}

/** A command to copy. @param {{text: string, label?: string}} props */
export function Command({ text, label = 'Copy' }) {
  const copy = () => navigator.clipboard.writeText(text).then(() => toast('Copied'), () => toast('The browser did not allow copying'));
  return html`<div class="command"><pre tabindex="0" aria-label="Command"><code>${text}</code></pre><button class="button" onClick=${copy}><${Icon} name="copy" /><span class="wide-label">${label}</span></button></div>`;
}

const steps = () => import('./first-steps.js');

/** How telemetry starts: the steps every empty page shows. */
export const FirstSteps = () => html`<${Later} load=${steps} part="Steps" />`;
