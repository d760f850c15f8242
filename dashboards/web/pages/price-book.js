// @ts-check
/** The price book: models in use, all that are known, or those that were set here. Never: a rate without where it is from. */
import { useRef } from 'preact/hooks';
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { plural, whole } from '../format.js';
import { params, setParams, spell } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Money } from '../parts/chip.js';
import { Later } from '../parts/later.js';
import { Segments } from '../parts/segments.js';
import { reasonOf } from '../trace/price-words.js';
import { COLUMNS, keyOf, otherRates, rateMoney, sourceWords } from '../prices/words.js';

const SHOWS = { used: 'In use', all: 'All', set: 'Set here' };
const PAGE = 100;

/** @param {{used: import('../api.js').Load, changed: () => void}} props */
export function Book({ used, changed }) {
  const asked = params.value.get('show') ?? '';
  const show = asked in SHOWS ? asked : 'used';
  const find = params.value.get('find') ?? '';
  const search = new URLSearchParams({ limit: String(PAGE), model: find });
  const cursor = params.value.get('cursor');
  if (cursor) search.set('cursor', cursor);
  const all = useLoad(show === 'all' ? `/api/v1/prices${spell(search)}` : null, { subject: `all ${find}` });
  const set = useLoad(show === 'set' ? '/api/v1/prices/overrides' : null);
  const load = { used, all, set }[show] ?? used;
  const again = () => { changed(); load.reload(); };
  const shown = (/** @type {any} */ data) => (show === 'all' ? data.items : data.items.filter((/** @type {any} */ one) => keyOf(one).toLowerCase().includes(find.toLowerCase())));
  const told = load.data && show !== 'all' && shown(load.data).length ? plural(shown(load.data).length, show === 'set' ? 'price' : 'model') : '';
  return html`<${Card} title="Price book" sub=${told} busy=${load.busy} actions=${html`<${Find} find=${find} /><${Segments} label="Which models" name="show" value=${show} options=${SHOWS} />`} class="book-card">
    <${Faces} load=${load} what="the price book" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (shown(data).length ? html`<${Rows} items=${shown(data)} used=${show === 'used'} again=${again} />
      ${data.more ? html`<p class="card-note">And ${plural(data.more, 'more model')} that cost less.</p>` : null}
      ${show === 'all' && (cursor || data.next_cursor) ? html`<p class="more">${cursor ? html`<button class="button" onClick=${() => history.back()}>Before</button>` : null}${data.next_cursor ? html`<button class="button" onClick=${() => setParams({ cursor: data.next_cursor, sel: null })}>More models</button>` : null}</p>` : null}`
    : html`<${Nothing} show=${show} find=${find} />`)}<//><//>`;
}

/** @param {{show: string, find: string}} props */
function Nothing({ show, find }) {
  if (find) return html`<${Empty} title=${`No model here has “${find}” in its name.`}>${show === 'all' ? html`<button class="button" onClick=${() => setParams({ find: null })}>Show all</button>` : html`<button class="button" onClick=${() => setParams({ show: 'all', cursor: null })}>Look in all models</button>`}<//>`;
  return html`<${Empty} title=${show === 'set' ? 'No price was set here: what models cost is as it is published.' : 'No model was called in this range.'}>${show === 'used' ? html`<button class="button" onClick=${() => setParams({ show: 'all', cursor: null })}>Show all models</button>` : null}<//>`;
}

/** @param {{find: string}} props */
function Find({ find }) {
  const timer = useRef(0);
  const typed = (/** @type {any} */ event) => {
    const text = event.currentTarget.value.trim();
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setParams({ find: text || null, cursor: null, sel: null }, { replace: true }), 250);
  };
  return html`<input type="search" class="find" data-search aria-label="Find a model" placeholder="Find a model" defaultValue=${find} maxlength="200" onInput=${typed} />`;
}

/** @param {{items: any[], used: boolean, again: () => void}} props */
function Rows({ items, used, again }) {
  const chosen = params.value.get('sel');
  return html`<table class="table cards-narrow book-table">
    <thead><tr><th scope="col">Model</th><th scope="col" class="num">Input <span class="quiet">/ M</span></th><th scope="col" class="num">Output <span class="quiet">/ M</span></th><th scope="col" class="num wide-cell">Cached <span class="quiet">/ M</span></th><th scope="col" class="wide-cell">Other rates</th><th scope="col" class="wide-cell">From</th>${used ? html`<th scope="col" class="num">Calls</th><th scope="col" class="num">Spent</th>` : null}</tr></thead>
    <tbody>${items.map((one, index) => { const key = keyOf(one); const open = chosen === (one.id ? `${key} ${one.id}` : key); return html`
      <tr key=${one.id ?? `${key} ${one.match} ${index}`} class=${open ? 'chosen' : ''}><td class="cell-name"><button class="text-button" aria-expanded=${open} onClick=${() => setParams({ sel: open ? null : one.id ? `${key} ${one.id}` : key, edit: null })} title=${one.model}>${one.model || 'any model'}${one.match === 'prefix' ? '…' : ''}</button> <span class="quiet">${one.provider}</span></td>
        ${one.rates ? COLUMNS.map((unit, at) => html`<td key=${unit} class=${`num ${one.rates[unit] === undefined ? '' : 'rate-cell'} ${['cell-figure', 'cell-figure2', 'wide-cell'][at]}`}>${one.rates[unit] === undefined ? html`${!at && !Object.keys(one.rates).length ? html`<span class="quiet">free</span>` : html`<span class="narrow-only">${at ? '' : otherRates(one.rates).split(', ')[0]}</span>`}` : rateMoney(one.rates[unit])}</td>`) : html`<td colspan="2" class="quiet cell-figure">${reasonOf(one.reason) ? 'no price' : '—'}</td><td class="wide-cell"></td>`}
        <td class="wide-cell cell-cut quiet" title=${otherRates(one.rates)}>${otherRates(one.rates)}</td>
        <td class="cell-sub" title=${one.version}>${one.rates ? sourceWords(one.source) : html`<span title=${reasonOf(one.reason)}>not known</span>`}</td>
        ${used ? html`<td class="num cell-when"><span class="wide-only">${whole(one.calls)}</span><span class="narrow-only">${plural(one.calls, 'call')}</span></td><td class="num wide-cell"><${Money} value=${one.cost_usd} unpriced=${one.unpriced_calls} /></td>` : null}</tr>
      ${open ? html`<tr class="form-row" key=${`${key} open`}><td colspan="8"><${Later} load=${() => import('./price-history.js')} part="History" one=${one} again=${again} /></td></tr>` : null}`; })}</tbody></table>`;
}
