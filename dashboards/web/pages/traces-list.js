// @ts-check
/** The list of traces: a table, two-line cards where it is narrow; j and k walk it. Never: a trace without calls shown as costing 0. */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { instant, milliseconds, whole } from '../format.js';
import { outcome } from '../status.js';
import { link, params, setParams } from '../url.js';
import { usePageKeys } from '../keys.js';
import { Ago, Chip, Figure, Money } from '../parts/chip.js';
import { Room, useRowKeys, useWindowed } from '../parts/windowed.js';

/** @param {{items: any[]}} props */
export function TraceList({ items }) {
  const sight = useWindowed(items.length);
  const { move, follow } = useRowKeys(items.length, sight);
  const arrows = (/** @type {KeyboardEvent} */ event, /** @type {number} */ by) => (/** @type {HTMLElement} */ (event.target).closest('tbody') ? move(by) : false);
  usePageKeys({ d: () => setParams({ different: '1' }), j: () => move(1), k: () => move(-1), ArrowDown: (event) => arrows(event, 1), ArrowUp: (event) => arrows(event, -1) });
  return html`<table class="table cards-narrow traces-table" aria-rowcount=${items.length + 1}>
    <thead><tr><th scope="col">Trace</th><th scope="col">Services</th><${Sortable} name="duration" text="Duration" /><${Sortable} name="cost" text="Cost" /><th scope="col" class="num wide-cell">Spans</th><th scope="col">Result</th><${Sortable} name="start" text="Started" /></tr></thead>
    <tbody ref=${sight.body} onFocusIn=${follow}><${Room} key="before" height=${sight.before} columns="7" />${items.slice(sight.first, sight.last).map((one, offset) => { const index = sight.first + offset; return html`<tr key=${one.trace_id} class="row-link" aria-rowindex=${index + 2}>
      <td class="cell-name"><a data-row=${index} href=${traceUrl(one)} title=${one.name}>${one.name || one.trace_id.slice(0, 8)}</a></td>
      <td class="cell-sub">${services(one)}</td>
      <td class="num cell-figure"><${Figure}>${milliseconds(one.duration_ms)}<//></td>
      <td class="num cell-figure2"><${Money} value=${one.cost_usd} unpriced=${one.unpriced_calls} calls=${one.calls} /></td>
      <td class="num wide-cell">${whole(one.span_count)}</td>
      <td class="cell-state"><${Chip} look=${outcome(one.status)} plain=${one.status !== 'error'} title=${one.error_count ? `${whole(one.error_count)} spans with errors` : undefined} /></td>
      <td class="num quiet cell-when"><${Ago} ms=${instant(one.start)} /></td></tr>`; })}<${Room} key="after" height=${sight.after} columns="7" /></tbody></table>`;
}

/** @param {any} one */
function traceUrl(one) {
  const first = params.value.get('compare');
  return first && first !== one.trace_id ? link(`/traces/${encodeURIComponent(first)}`, { with: one.trace_id }, ['tz']) : link(`/traces/${one.trace_id}`, {}, ['tz']);
}

/** @param {any} one */
function services(one) {
  const others = (one.services ?? []).filter((/** @type {string} */ name) => name !== one.service);
  const models = (one.models ?? []).join(', ');
  return html`<span title=${[one.service, ...others].join(', ')}>${one.service ?? 'unknown'}${others.length ? ` +${others.length}` : ''}</span>${models ? html`<span class="quiet wide-only" title=${models}> · ${models}</span>` : null}`;
}

/** @param {{name: string, text: string}} props */
function Sortable({ name, text }) {
  const sort = params.value.get('sort') ?? '-start';
  const state = sort === name ? 'ascending' : sort === `-${name}` ? 'descending' : 'none';
  return html`<th scope="col" class="num" aria-sort=${state}><button class=${`sort-button${state === 'none' ? '' : ' active'}`} onClick=${() => setParams({ sort: state === 'descending' ? name : `-${name}`, cursor: null })}>${text}<${Icon} name=${state === 'none' ? 'sort' : 'down'} class=${state === 'ascending' ? 'up' : ''} /></button></th>`;
}
