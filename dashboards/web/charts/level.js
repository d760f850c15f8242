// @ts-check
/** A bar that says how much of a limit is used, with what is expected. Never: an unknown drawn as empty. */
import { html } from '../html.js';

/**
 * What was spent of a limit: marks at thresholds, and where it is expected to end.
 * @param {{spent: number | null, limit: number, low: number | null, middle: number | null, high: number | null, marks: {at: number, reached: boolean | null, label: string}[], tone: string}} props USD, as lengths
 */
export function Spent({ spent, limit, low, middle, high, marks, tone }) {
  const most = Math.max(limit * 1.12, Math.min(Math.max(spent ?? 0, high ?? 0), limit * 2)) || 1;
  const close = (/** @type {number} */ index) => marks[index + 1] && (marks[index + 1].at - marks[index].at) / most < 0.09;
  const at = (/** @type {number} */ value) => `${Math.min(100, (value / most) * 100)}%`;
  return html`<span class="level money-level" aria-hidden="true">
    ${low === null || high === null ? null : html`<i class="ahead" style=${{ left: at(Math.min(low, spent ?? low)), width: `${Math.max(0.6, Math.min(100, (high / most) * 100) - Math.min(100, (Math.min(low, spent ?? low) / most) * 100))}%` }}></i>`}
    ${spent === null ? html`<i class="hatched" style=${{ width: at(limit) }}></i>` : html`<i class=${`tone-${tone}`} style=${{ width: at(spent) }}></i>`}
    ${middle === null ? null : html`<em style=${{ left: at(middle) }}></em>`}
    ${marks.map((mark, index) => html`<b key=${mark.label} class=${mark.reached ? 'reached' : ''} style=${{ left: at(mark.at) }} >${close(index) ? null : html`<small>${mark.label}</small>`}</b>`)}
    <b class="limit" style=${{ left: at(limit) }}></b></span>`;
}
