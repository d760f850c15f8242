// @ts-check
/** Small parts that say a state or a figure. Never: colour alone; each has an icon and a word. */
import { Icon } from '../icons.js';
import { html } from '../html.js';
import { UNKNOWN, absolute, ago, exactMoney, isUnknown, money, plural } from '../format.js';
import { now } from '../live.js';
import { zone } from '../url.js';

/** @param {{look: import('../status.js').Look, title?: string, plain?: boolean}} props */
export function Chip({ look, title, plain = false }) {
  return html`<span class=${`chip ${look.tone}${plain ? ' plain' : ''}`} title=${title}><${Icon} name=${look.icon} />${look.word}</span>`;
}

/** A figure that may be unknown. @param {{children: any}} props */
export function Figure({ children }) {
  return children === UNKNOWN ? html`<span class="unknown"><span aria-hidden="true">—</span><span class="hidden-text">unknown</span></span>` : children;
}

/**
 * An amount with what it leaves out: "$0.04894 + 1 unpriced".
 * @param {{value: string | null, unpriced?: number | null, calls?: number | null}} props
 */
export function Money({ value, unpriced = 0, calls = null }) {
  if (calls === 0) return html`<span class="quiet">no calls</span>`;
  if (isUnknown(value)) return unpriced ? html`<span class="quiet">not priced</span>` : html`<${Figure}>${UNKNOWN}<//>`;
  return html`<span title=${exactMoney(value)}>${money(value)}</span>${unpriced ? html`<span class="quiet"> + ${plural(unpriced, 'unpriced', 'unpriced')}</span>` : null}`;
}

/** "12 s ago" with the exact moment in its title. @param {{ms: number | null}} props */
export function Ago({ ms }) {
  if (ms === null) return html`<${Figure}>${UNKNOWN}<//>`;
  return html`<time datetime=${new Date(ms).toISOString()} title=${absolute(ms, zone.value)}>${ago(ms, now.value, zone.value)}</time>`;
}

/** A coloured square with its label. @param {{slot: number | null, label: any, hatched?: boolean}} props */
export function Swatch({ slot, label, hatched = false }) {
  return html`<span class="swatch"><i class=${hatched ? 'hatched' : `slot${slot ?? 0}`}></i>${label}</span>`;
}
