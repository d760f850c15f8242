// @ts-check
/** The ledger's lines behind a total: each billable call with its price, where that came from, and its trace. Never: an unpriced line as 0. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { count, instant, isUnknown, shortDateTime } from '../format.js';
import { priceLook } from '../status.js';
import { link, malformed, params, setParams, spell, zone } from '../url.js';
import { bookOf, reasonOf } from '../trace/price-words.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Figure, Money } from '../parts/chip.js';

const PAGE = 50;

/** @param {{data: any}} props the statistics whose period the lines fall in, where the URL asks for no other time */
export function LedgerLines({ data }) {
  const cursor = params.value.get('cursor');
  const search = new URLSearchParams({ limit: String(PAGE) });
  const { from, to } = Object.fromEntries(params.value);
  const own = Boolean(from && to) && !malformed.value.length;
  if (data) { search.set('from', own ? from : data.from); search.set('to', own ? to : data.to); }
  for (const filter of params.value.getAll('f')) search.append('f', filter);
  if (cursor) search.set('cursor', cursor);
  const load = useLoad(data ? `/api/v1/ledger${spell(search)}` : null);
  return html`<${Card} title="Ledger lines" sub=${own ? `${shortDateTime(instant(from), zone.value)} – ${shortDateTime(instant(to), zone.value)}` : 'newest first'} actions=${own ? html`<button class="button" onClick=${() => setParams({ from: null, to: null, cursor: null })}>Whole period</button>` : null} busy=${load.busy}><${Faces} load=${load} what="the ledger" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ page) => html`<${Lines} page=${page} cursor=${cursor} />`}<//><//>`;
}

/** @param {{page: any, cursor: string | null}} props */
function Lines({ page, cursor }) {
  if (!page.items.length) return html`<${Empty} title="No ledger lines match."><button class="button" onClick=${() => setParams({ f: null, cursor: null })}>Remove all filters</button><//>`;
  return html`<table class="table cards-narrow ledger-table">
    <thead><tr><th scope="col">Call</th><th scope="col">Service</th><th scope="col" class="num">Cost</th><th scope="col" class="num">Tokens in / out</th><th scope="col">Price</th><th scope="col" class="num">When</th></tr></thead>
    <tbody>${page.items.map((/** @type {any} */ line) => html`<tr key=${`${line.trace_id}${line.span_id}`} class="row-link">
      <td class="cell-name"><a href=${link(`/traces/${line.trace_id}`, { sel: line.span_id }, ['tz'])}>${[line.operation, line.model ?? line.request_model].filter(Boolean).join(' ') || line.kind}</a></td>
      <td class="cell-sub">${line.service}</td>
      <td class="num cell-figure"><${Money} value=${line.cost_usd} unpriced=${isUnknown(line.cost_usd) ? 1 : 0} /></td>
      <td class="num wide-cell"><${Figure}>${count(line.input_tokens)}<//> / <${Figure}>${count(line.output_tokens)}<//></td>
      <td class="cell-state"><${Chip} look=${priceLook(line.state)} plain=${line.state === 'priced' || line.state === 'free'} title=${reasonOf(line.state_reason) || bookOf(line)} /></td>
      <td class="num quiet cell-when"><${Ago} ms=${instant(line.at)} /></td></tr>`)}</tbody></table>
    <p class="more">${cursor ? html`<button class="button" onClick=${() => history.back()}>Newer</button>` : null}${page.next_cursor ? html`<button class="button" onClick=${() => setParams({ cursor: page.next_cursor })}>Older</button>` : null}</p>`;
}
