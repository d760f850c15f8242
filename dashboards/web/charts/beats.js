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
  /** @type {Record<string, string>} a path for each state: a list of hundreds of services has few elements */
  const drawn = {};
  beats.forEach((state, index) => {
    const tall = state ? TALL[state] : undefined;
    const kind = tall ? `beat-${state}` : 'beat-none';
    drawn[kind] = (drawn[kind] ?? '') + (tall ? `M${index * STEP + 0.5} ${HIGH}v-${tall}h3.6v${tall}z` : `M${index * STEP + 1} ${HIGH - 0.4}v-2.6h2.6v2.6z`);
  });
  return html`<svg class="beats" viewBox=${`0 0 ${beats.length * STEP} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label=${beatWords(beats)}>
    ${Object.entries(drawn).map(([kind, path]) => html`<path key=${kind} class=${kind} d=${path} />`)}</svg>`;
}
