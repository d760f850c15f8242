// @ts-check
/** The views and columns that a query may name, to be looked at and put into the statement. Never: a view that cannot be asked. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { plural } from '../format.js';
import { Card, Faces } from '../parts/card.js';

const FIRST = ['ledger', 'spans', 'traces', 'logs', 'metrics', 'dialogues', 'slo_status', 'loss'];

/** @param {any} view */
const place = (view) => (FIRST.includes(view.name) ? FIRST.indexOf(view.name) : FIRST.length);

/** @param {{insert: (text: string) => void}} props */
export function Views({ insert }) {
  const load = useLoad('/api/v1/query/schema');
  const [wanted, setWanted] = useState('');
  const words = wanted.toLowerCase();
  const fits = (/** @type {any} */ view) => !words || view.name.includes(words) || view.columns.some((/** @type {any} */ column) => column.name.includes(words));
  return html`<${Card} title="Views" sub=${load.data ? plural(load.data.views.length, 'view') : ''} busy=${load.busy} class="views-card"><${Faces} load=${load} what="the views">${(/** @type {any} */ data) => html`
    <input class="views-search" type="search" aria-label="Find a view or column" placeholder="Find a view or column" value=${wanted} onInput=${(/** @type {any} */ event) => setWanted(event.target.value)} />
    <div class="views" tabindex="0" role="region" aria-label="Views and their columns">${[...data.views].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name)).filter(fits).map((view) => html`<${One} key=${view.name} view=${view} words=${words} insert=${insert} />`)}</div>`}<//><//>`;
}

/** @param {{view: any, words: string, insert: (text: string) => void}} props */
function One({ view, words, insert }) {
  const shown = view.columns.filter((/** @type {any} */ column) => !words || view.name.includes(words) || column.name.includes(words));
  return html`<details open=${words.length > 1}><summary><code>${view.name}</code><span class="quiet small">${plural(view.columns.length, 'column')}</span></summary>
    ${view.comment ? html`<p class="quiet small">${view.comment}</p>` : null}
    <ul>${shown.map((/** @type {any} */ column) => html`<li key=${column.name}><button class="text-button mono" title=${column.comment ?? 'Put into the statement'} onClick=${() => insert(column.name)}>${column.name}</button><span class="quiet small mono" title=${column.type}>${column.type.replace(/\(.*/, '').toLowerCase()}</span></li>`)}</ul>
  </details>`;
}
