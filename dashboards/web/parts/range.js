// @ts-check
/** The time range control: presets, typed text, two date-time fields. Never: a range that ends before it begins. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { rangeOr, setParams, zone } from '../url.js';
import { PRESETS, absoluteRange, label, resolve, typedRange } from '../time.js';
import { useDismiss } from './hooks.js';

/** What the keyboard's `t` opens. */
export const rangeButtonId = 'range-button';

/** @param {number} ms */
const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** @param {{fallback: string, presets?: string[]}} props */
export function RangeControl({ fallback, presets }) {
  const [open, setOpen] = useState(false);
  const ref = useDismiss(open, () => setOpen(false));
  const range = rangeOr(fallback);
  const text = label(range, Date.now(), zone.value);
  const choose = (/** @type {import('../time.js').Range} */ next) => { setOpen(false); setParams({ from: next.from, to: next.to === 'now' ? null : next.to, cursor: null }); };
  const offered = presets ? PRESETS.filter((one) => presets.includes(one.from)) : PRESETS;
  return html`<div class="pop-host" ref=${ref}>
    <button class="button" id=${rangeButtonId} aria-expanded=${open} aria-haspopup="dialog" onClick=${() => setOpen(!open)}><${Icon} name="clock" /><span class="range-label">${text}</span></button>
    ${open ? html`<div class="pop range-pop" role="dialog" aria-label="Time range">
      <ul class="choices">${offered.map((one) => html`<li><button class="choice" aria-pressed=${one.from === range.from && range.to === 'now'} onClick=${() => choose({ from: one.from, to: 'now' })}>${one.label}</button></li>`)}</ul>
      ${presets ? null : html`<${Custom} range=${range} choose=${choose} />`}
      <p class="quiet small">Times are shown in ${zone.value}.</p>
    </div>` : null}
  </div>`;
}

/** @param {{range: import('../time.js').Range, choose: (range: import('../time.js').Range) => void}} props */
function Custom({ range, choose }) {
  const [wrong, setWrong] = useState('');
  const both = resolve(range, Date.now());
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const typed = String(fields.get('typed') ?? '').trim();
    const from = Date.parse(String(fields.get('from')));
    const to = Date.parse(String(fields.get('to')));
    const next = typed ? typedRange(typed, Date.now()) : to > from ? absoluteRange(from, to) : null;
    if (next) choose(next);
    else setWrong(typed ? `"${typed}" is not understood. Try: 2h, yesterday 9-17.` : 'The range must end after it begins.');
  };
  return html`<form class="range-form" onSubmit=${submit}>
    <label>Type a range<input name="typed" placeholder="yesterday 9-17, 2h" autocomplete="off" aria-describedby="range-wrong" /></label>
    <label>From<input type="datetime-local" name="from" value=${both ? local(both.start) : ''} /></label>
    <label>To<input type="datetime-local" name="to" value=${both ? local(both.end) : ''} /></label>
    <p class="field-error" id="range-wrong" role="status">${wrong}</p>
    <button class="button primary" type="submit">Apply</button>
  </form>`;
}
