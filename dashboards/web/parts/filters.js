// @ts-check
/** Filter chips under the top bar: what restricts the page, each removable; and the notice of what could not be read. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { KEYS, describeFilter, formatFilter } from '../filters.js';
import { filters, malformed, setFilters, setParams, params } from '../url.js';
import { useDismiss } from './hooks.js';

/** @param {{keys: string[]}} props the keys this page can filter by */
export function FilterChips({ keys }) {
  const list = filters.value;
  const q = params.value.get('q');
  const remove = (/** @type {number} */ index) => setFilters(list.filter((_, at) => at !== index));
  return html`<div class="filter-row">
    ${list.length || q ? html`<ul class="filter-chips" aria-label="Filters">
      ${list.map((filter, index) => html`<li key=${formatFilter(filter)}><button class="filter-chip" onClick=${() => remove(index)} aria-label=${`${describeFilter(filter)}: remove this filter`}><span>${describeFilter(filter)}</span><${Icon} name="cross" /></button></li>`)}
      ${q ? html`<li><button class="filter-chip" onClick=${() => setParams({ q: null, cursor: null })} aria-label=${`Text ${q}: remove this filter`}><span>Text “${q}”</span><${Icon} name="cross" /></button></li>` : null}
    </ul>` : null}
    <${AddFilter} keys=${keys} />
    ${list.length + (q ? 1 : 0) > 1 ? html`<button class="text-button" onClick=${() => setFilters([], { q: null })}>Clear all</button>` : null}
  </div><${Malformed} />`;
}

/** @param {{keys: string[]}} props */
function AddFilter({ keys }) {
  const [open, setOpen] = useState(false);
  const ref = useDismiss(open, () => setOpen(false));
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const key = String(fields.get('key'));
    const value = String(fields.get('value') ?? '').trim();
    if (!value) return;
    const compared = key === 'duration' || key === 'cost';
    setOpen(false);
    setFilters([...filters.value, { key, op: compared ? '>' : ':', value, negated: !compared && fields.get('how') === 'not' }]);
  };
  return html`<div class="pop-host" ref=${ref}>
    <button class="text-button" aria-expanded=${open} aria-haspopup="dialog" onClick=${() => setOpen(!open)}><${Icon} name="plus" />Add filter</button>
    ${open ? html`<form class="pop filter-pop" role="dialog" aria-label="Add filter" onSubmit=${submit}>
      <label>Field<select name="key">${keys.map((key) => html`<option value=${key}>${KEYS[/** @type {keyof typeof KEYS} */ (key)]}</option>`)}</select></label>
      <label>Match<select name="how"><option value="is">is (or over)</option><option value="not">is not</option></select></label>
      <label>Value<input name="value" autocomplete="off" required placeholder="chat-api, 500ms, 0.01" /></label>
      <button class="button primary" type="submit">Add</button>
    </form>` : null}
  </div>`;
}

function Malformed() {
  const [dismissed, setDismissed] = useState('');
  const wrong = malformed.value.join(', ');
  if (!wrong || wrong === dismissed) return null;
  return html`<div class="notice" role="status"><${Icon} name="triangle" /><span>Not understood and ignored: <code>${wrong}</code></span>
    <button class="icon-button" aria-label="Dismiss" onClick=${() => setDismissed(wrong)}><${Icon} name="cross" /></button></div>`;
}
