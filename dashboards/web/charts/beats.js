// @ts-check
/** A day in a strip: short is well, tall is not, a dot is silence; so that shape says it too. Never: a bar for what nobody reported. */
import { html } from '../html.js';
import { beatWords } from '../health/words.js';

const STEP = 5;
const HIGH = 22;
/** @type {Record<string, number>} */
const TALL = { healthy: 8, degraded: 15, down: 22 };

/** @param {{beats: (string | null)[] | null | undefined}} props oldest first */
export function Beats({ beats }) {
  if (!beats) return html`<span class="beats-none quiet">—</span>`;
  const wide = beats.length * STEP;
  return html`<svg class="beats" viewBox=${`0 0 ${wide} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label=${beatWords(beats)}>
    ${beats.map((state, index) => {
      const tall = state ? TALL[state] : undefined;
      return tall ? html`<rect key=${index} class=${`beat-${state}`} x=${index * STEP + 0.5} y=${HIGH - tall} width="3.6" height=${tall} />` : html`<rect key=${index} class="beat-none" x=${index * STEP + 1} y=${HIGH - 3} width="2.6" height="2.6" />`;
    })}</svg>`;
}
