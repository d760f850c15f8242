// @ts-check
/** What reports on paper share: the month, and a line to sign. Never: a month that has not begun. */
import { html } from '../html.js';
import { setParams, zone } from '../url.js';
import { now } from '../live.js';
import { absolute } from '../format.js';

const MONTHS = 13;

/** The months up to now, newest first, as "2026-11". */
export function months() {
  const today = new Date();
  return Array.from({ length: MONTHS }, (_, back) => new Date(Date.UTC(today.getFullYear(), today.getMonth() - back, 1)).toISOString().slice(0, 7));
}

/** @param {string} month */
export const monthName = (month) => new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(Date.parse(`${month}-01T00:00:00Z`));

/** A month of the address; '' when there is none. @param {string | null} text */
export const monthAsked = (text) => (/^\d{4}-(0[1-9]|1[0-2])$/.test(text ?? '') ? String(text) : '');

/** @param {{month: string, own?: string}} props own: the word for no month, where there may be none */
export function MonthPicker({ month, own }) {
  const offered = month && !months().includes(month) ? [month, ...months()] : months();
  return html`<label class="inline-label"><span class="hidden-text">Month</span><select value=${month} onChange=${(/** @type {any} */ event) => setParams({ month: event.currentTarget.value || null })}>
    ${own ? html`<option value="">${own}</option>` : null}${offered.map((one) => html`<option key=${one} value=${one}>${monthName(one)}</option>`)}</select></label>`;
}

export function Signature() {
  return html`<footer class="signature"><p class="quiet">Counted by spanledger from what the services sent; made ${absolute(now.value, zone.value)}.</p><p>Date, name, signature</p></footer>`;
}
