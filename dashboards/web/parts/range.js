// @ts-check
/** The time range control: the button that says which, and behind it what else there is. Never: what it offers fetched before somebody asks. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { rangeOr, zone } from '../url.js';
import { label } from '../time.js';
import { useDismiss } from './hooks.js';
import { Later, OVERLAYS } from './later.js';

/** What the keyboard's `t` opens. */
export const rangeButtonId = 'range-button';

/** @param {{fallback: string, presets?: string[]}} props */
export function RangeControl({ fallback, presets }) {
  const [open, setOpen] = useState(false);
  const ref = useDismiss(open, () => setOpen(false));
  const range = rangeOr(fallback);
  return html`<div class="pop-host" ref=${ref}>
    <button class="button" id=${rangeButtonId} aria-expanded=${open} aria-haspopup="dialog" onClick=${() => setOpen(!open)}><${Icon} name="clock" /><span class="range-label">${label(range, Date.now(), zone.value)}</span></button>
    ${open ? html`<div class="pop range-pop" role="dialog" aria-label="Time range"><${Later} styles=${OVERLAYS} load=${() => import('./range-choice.js')} part="RangeChoice" range=${range} presets=${presets} close=${() => setOpen(false)} /></div>` : null}
  </div>`;
}
