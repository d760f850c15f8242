// @ts-check
/** The versions of a budget, newest first: who changed what, and when. Never: a version left out. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { instant } from '../format.js';
import { Faces } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { changesOf } from '../budget/words.js';

/** @param {{id: string, version: number}} props version: the newest that the page knows; another one is read again */
export function History({ id, version }) {
  const load = useLoad(`/api/v1/budgets/${id}/history`, { subject: `${id} ${version}` });
  return html`<div class="budget-history"><h3>History</h3><${Faces} load=${load} what="the history">${(/** @type {any} */ data) => html`<ol class="happenings">${data.items.map((/** @type {any} */ one, /** @type {number} */ index) => html`<li key=${one.version}>
    <p><span><b>Version ${one.version}</b> <span class="quiet">by ${one.updated_by}</span></span><${Ago} ms=${instant(one.updated_at)} /></p>
    <ul>${changesOf(one, data.items[index + 1]).map((change) => html`<li key=${change} class="quiet">${change}</li>`)}</ul></li>`)}</ol>`}<//></div>`;
}
