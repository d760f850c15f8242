// @ts-check
/** A bar that says how much is left of a budget, with a zero line for what may be overspent. Never: an unknown drawn as empty. */
import { html } from '../html.js';

/** Where zero lies: a third of the way, so that half a budget of overspending has room. */
const ZERO = 100 / 3;

/** What is left of a budget, below zero to the left of a line. @param {{ratio: number | null, tone: string}} props */
export function Left({ ratio, tone }) {
  if (ratio === null) return html`<span class="level unknown-level" aria-hidden="true"><i class="hatched"></i></span>`;
  const long = Math.min(ratio < 0 ? ZERO : 100 - ZERO, Math.abs(ratio) * (100 - ZERO));
  const left = ratio < 0 ? ZERO - long : ZERO;
  return html`<span class="level" aria-hidden="true"><i class=${`tone-${tone}${ratio < -0.5 ? ' cut' : ''}`} style=${{ left: `${left}%`, width: `${Math.max(1, long)}%` }}></i><b style=${{ left: `${ZERO}%` }}></b></span>`;
}
