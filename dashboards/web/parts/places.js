// @ts-check
/** The pages of one place, side by side under the top bar. Never: a place that only the rail knows. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { link, route } from '../url.js';

/** The one in view is in sight, however narrow the window. @param {{label: string, places: [string, string][]}} props address and name of each */
function Places({ label, places }) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const row = ref.current;
    const current = /** @type {HTMLElement | null} */ (row?.querySelector('[aria-current]') ?? null);
    if (row && current) row.scrollLeft = current.offsetLeft - (row.clientWidth - current.offsetWidth) / 2;
  }, [route.value.path]);
  return html`<nav class="tabs places" aria-label=${label} ref=${ref}>${places.map(([path, text]) => html`<a key=${path} href=${link(path, {}, ['tz'])} aria-current=${route.value.path.replace(/\/me$/, '') === path ? 'page' : undefined}>${text}</a>`)}</nav>`;
}

export const CostPlaces = () => html`<${Places} label="Costs" places=${[['/costs', 'Costs'], ['/costs/budgets', 'Budgets'], ['/costs/prices', 'Price book'], ['/costs/reconcile', 'Reconcile']]} />`;

export const SettingPlaces = () => html`<${Places} label="Settings" places=${[['/settings', 'Me'], ['/settings/channels', 'Channels'], ['/settings/tokens', 'Tokens'], ['/settings/data', 'Data'], ['/settings/sampling', 'Sampling'], ['/settings/changes', 'Changes'], ['/settings/about', 'About']]} />`;

export const AlertPlaces = () => html`<${Places} label="Alerts" places=${[['/alerts', 'Active'], ['/alerts/history', 'History'], ['/alerts/incidents', 'Incidents'], ['/alerts/rules', 'Rules'], ['/alerts/routing', 'Routing'], ['/alerts/silences', 'Silences']]} />`;
