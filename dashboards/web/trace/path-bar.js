// @ts-check
/** What the critical path consists of, in words: which spans have most of it. Never: time that nobody explains left out. */
import { html } from '../html.js';
import { duration, percent, plural } from '../format.js';

const MOST = 5;

/** @param {{path: import('./critical.js').Path, nodes: import('./layout.js').Node[], select: (id: string) => void}} props */
export function PathBar({ path, nodes, select }) {
  const parts = nodes.map((node) => ({ node, own: path.own.get(node.span.span_id) ?? 0 })).filter((one) => one.own > 0).sort((a, b) => b.own - a.own);
  const rest = parts.slice(MOST).reduce((sum, one) => sum + one.own, 0);
  const share = (/** @type {number} */ ns) => html`<span class="quiet">${duration(ns)} · ${percent(path.total ? ns / path.total : 0)}</span>`;
  return html`<div class="path-bar" role="group" aria-label="Critical path"><p>${plural(parts.length, 'span')} decided when this trace ended, ${duration(path.total)}:</p>
    <ol>${parts.slice(0, MOST).map(({ node, own }) => html`<li key=${node.span.span_id}><button class="text-button" title=${node.span.service} onClick=${() => select(node.span.span_id)}>${node.span.name}</button> ${share(own)}</li>`)}
      ${rest ? html`<li>${plural(parts.length - MOST, 'other')} ${share(rest)}</li>` : null}
      ${path.unexplained ? html`<li>nothing known ran ${share(path.unexplained)}</li>` : null}</ol></div>`;
}
