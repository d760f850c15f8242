// @ts-check
/** The pages of one place, side by side under the top bar. Never: a place that only the rail knows. */
import { html } from '../html.js';
import { link, route } from '../url.js';

/** @param {{label: string, places: [string, string][]}} props address and name of each */
function Places({ label, places }) {
  return html`<nav class="tabs places" aria-label=${label}>${places.map(([path, text]) => html`<a key=${path} href=${link(path, {}, ['tz'])} aria-current=${route.value.path.replace(/\/me$/, '') === path ? 'page' : undefined}>${text}</a>`)}</nav>`;
}

export const CostPlaces = () => html`<${Places} label="Costs" places=${[['/costs', 'Costs'], ['/costs/budgets', 'Budgets'], ['/costs/prices', 'Price book'], ['/costs/reconcile', 'Reconcile']]} />`;

export const SettingPlaces = () => html`<${Places} label="Settings" places=${[['/settings', 'Me'], ['/settings/channels', 'Channels'], ['/settings/tokens', 'Tokens'], ['/settings/data', 'Data'], ['/settings/sampling', 'Sampling'], ['/settings/changes', 'Changes'], ['/settings/about', 'About']]} />`;
