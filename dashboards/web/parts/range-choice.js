// @ts-check
/** What the time range control offers: presets, months, typed text, two date-time fields of the zone that is shown. Never: a range that ends before it begins. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { setParams, zone } from '../url.js';
import { PRESETS, absoluteRange, resolve } from '../time.js';
import { atWall, months, typedRange, wallTime } from '../zoned.js';

/** @param {{range: import('../time.js').Range, presets?: string[], close: () => void}} props */
export function RangeChoice({ range, presets, close }) {
  const choose = (/** @type {import('../time.js').Range} */ next) => { close(); setParams({ from: next.from, to: next.to === 'now' ? null : next.to, cursor: null }); };
  const offered = PRESETS.filter((one) => !presets || presets.includes(one.from)).map((one) => ({ label: one.label, range: { from: one.from, to: 'now' } }));
  const all = presets ? offered : [...offered, ...months(Date.now(), zone.value)];
  return html`<ul class="choices">${all.map((one) => html`<li key=${one.label}><button class="choice" aria-pressed=${one.range.from === range.from && one.range.to === range.to} onClick=${() => choose(one.range)}>${one.label}</button></li>`)}</ul>
    ${presets ? null : html`<${Custom} range=${range} choose=${choose} />`}
    <p class="quiet small">Times are those of ${zone.value}.</p>`;
}

/** @param {{range: import('../time.js').Range, choose: (range: import('../time.js').Range) => void}} props */
function Custom({ range, choose }) {
  const [wrong, setWrong] = useState('');
  const both = resolve(range, Date.now());
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const typed = String(fields.get('typed') ?? '').trim();
    const from = atWall(String(fields.get('from')), zone.value);
    const to = atWall(String(fields.get('to')), zone.value);
    const next = typed ? typedRange(typed, Date.now(), zone.value) : to > from ? absoluteRange(from, to) : null;
    if (next) choose(next);
    else setWrong(typed ? `"${typed}" is not understood. Try: 2h, yesterday 9-17.` : 'The range must end after it begins.');
  };
  return html`<form class="range-form" onSubmit=${submit}>
    <label>Type a range<input name="typed" placeholder="yesterday 9-17, 2h" autocomplete="off" aria-describedby="range-wrong" /></label>
    <label>From<input type="datetime-local" name="from" defaultValue=${both ? wallTime(both.start, zone.value) : ''} /></label>
    <label>To<input type="datetime-local" name="to" defaultValue=${both ? wallTime(both.end, zone.value) : ''} /></label>
    <p class="field-error" id="range-wrong" role="status">${wrong}</p>
    <button class="button primary" type="submit">Apply</button>
  </form>`;
}
