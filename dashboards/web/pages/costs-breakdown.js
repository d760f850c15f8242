// @ts-check
/** Spend by model, feature, tier, provider, user or service, and what has no price. Never: a total summed from the rows in view. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { count, isUnknown, money, moneyLength, percent, perThousand, plural, whole } from '../format.js';
import { formatFilter } from '../filters.js';
import { link, params, query, route, setParams } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Figure, Money } from '../parts/chip.js';
import { slotsOf } from '../trend.js';

export const PERIODS = { today: 'Today', week: 'This week', month: 'This month', year: 'This year' };
export const GROUPS = { model: 'Model', feature: 'Feature', user_tier: 'User tier', provider: 'Provider', user: 'User', service: 'Service' };
const FIRST = 50;
/** From how many rows on the server puts the rest together as one. */
const MANY = 200;

/** The filter that picks one row. @param {string} group @param {string | null} category */
export const rowFilter = (group, category) => formatFilter({ key: group === 'user' ? 'user_id' : group, op: ':', value: category ?? '', negated: false });

/** @param {{load: import('../api.js').Load, data: any, group: string}} props */
export function Breakdown({ load, data, group }) {
  const name = GROUPS[/** @type {keyof typeof GROUPS} */ (group)];
  const choice = html`<label class="inline-label"><span class="hidden-text">Group by</span><select value=${group} onChange=${(/** @type {any} */ event) => setParams({ group: event.currentTarget.value })}>${Object.entries(GROUPS).map(([key, text]) => html`<option key=${key} value=${key}>By ${text.toLowerCase()}</option>`)}</select></label>`;
  const actions = html`${data?.breakdown.length ? html`<button class="button" onClick=${() => download(data, group)}><${Icon} name="download" />CSV</button>` : null}${choice}`;
  return html`<${Card} title="Breakdown" sub=${data ? plural(data.breakdown.length, name.toLowerCase()) : ''} actions=${actions} busy=${load.busy}>
    ${data ? html`<${Rows} data=${data} group=${group} name=${name} />` : html`<${Faces} load=${{ ...load, data: null }} what="the breakdown" blank=${html`<div class="face blank list-blank"></div>`}>${() => null}<//>`}
  <//>`;
}

/** @param {{data: any, group: string, name: string}} props */
function Rows({ data, group, name }) {
  const [all, setAll] = useState(false);
  const most = Math.max(...data.breakdown.map((/** @type {any} */ row) => moneyLength(row.cost) ?? 0), 0);
  const slots = slotsOf(data.breakdown);
  const rows = all ? data.breakdown : data.breakdown.slice(0, FIRST);
  if (!rows.length) return html`<${Empty} title="No calls in this period." />`;
  return html`<table class="table cards-narrow breakdown">
    <thead><tr><th scope="col">${name}</th><th scope="col" class="wide-cell"><span class="hidden-text">Share</span></th><th scope="col" class="num">Cost</th><th scope="col" class="num">Share</th><th scope="col" class="num">Calls</th><th scope="col" class="num">Tokens in / out</th><th scope="col" class="num">$ / 1k calls</th></tr></thead>
    <tbody>${rows.map((/** @type {any} */ row) => html`<tr key=${row.category} class="row-link">
      <td class="cell-name">${row.category === 'other' && row.slot === null && data.breakdown.length > MANY ? html`<span class="quiet">all others</span>` : html`<a href=${link('/traces', { f: rowFilter(group, row.category), from: data.from, to: data.to, sort: '-cost' }, ['tz', 'f'])} title=${row.category ?? ''}>${row.category ?? html`<span class="quiet">no ${name.toLowerCase()} given</span>`}</a>`}</td>
      <td class="cell-bar"><span class="meter"><i class=${isUnknown(row.cost) ? 'hatched whole' : `slot${slots.get(row.category) ?? 0}`} style=${{ width: isUnknown(row.cost) ? '100%' : `${most ? Math.max(0.5, (Number(moneyLength(row.cost)) / most) * 100) : 0}%` }}></i></span></td>
      <td class="num cell-figure"><${Money} value=${row.cost} unpriced=${isUnknown(row.cost) ? row.unpriced_calls : 0} /></td>
      <td class="num cell-figure2"><${Figure}>${isUnknown(row.percentage) ? '—' : percent(row.percentage / 100)}<//></td>
      <td class="num cell-sub">${whole(row.count)}<span class="narrow-only"> call${row.count === 1 ? '' : 's'}</span>${row.unpriced_calls && !isUnknown(row.cost) ? html`<span class="quiet"> (${whole(row.unpriced_calls)} unpriced)</span>` : null}</td>
      <td class="num wide-cell"><${Figure}>${count(row.input_tokens)}<//> / <${Figure}>${count(row.output_tokens)}<//></td>
      <td class="num wide-cell"><${Figure}>${money(perThousand(row.cost, row.priced_calls))}<//></td>
    </tr>`)}</tbody>
    <tfoot><tr><th scope="row">All</th><td class="wide-cell"></td><td class="num cell-figure"><${Money} value=${data.total_cost} /></td><td class="num cell-figure2"></td><td class="num cell-sub">${whole(data.calls)}<span class="narrow-only"> call${data.calls === 1 ? '' : 's'}</span></td><td class="num wide-cell">${count(data.input_tokens)} / ${count(data.output_tokens)}</td><td class="num wide-cell"><${Figure}>${money(perThousand(data.total_cost, data.calls - (data.unpriced_calls ?? 0)))}<//></td></tr></tfoot>
  </table>${rows.length < data.breakdown.length ? html`<p class="more"><button class="button" onClick=${() => setAll(true)}>Show all ${whole(data.breakdown.length)}</button></p>` : null}`;
}

/** What is shown, as a file; amounts keep every digit. @param {any} data @param {string} group */
function download(data, group) {
  const columns = ['category', 'cost', 'percentage', 'count', 'priced_calls', 'unpriced_calls', 'input_tokens', 'output_tokens', 'cached_input_tokens'];
  const cell = (/** @type {unknown} */ value) => {
    const text = value === null || value === undefined ? '' : String(value);
    const inert = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) && !/^-?[\d.]+(e-?\d+)?$/i.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  };
  const lines = [[group, ...columns.slice(1)], ...data.breakdown.map((/** @type {any} */ row) => columns.map((key) => row[key]))];
  const url = URL.createObjectURL(new Blob([lines.map((line) => line.map(cell).join(',')).join('\r\n')], { type: 'text/csv' }));
  const anchor = Object.assign(document.createElement('a'), { href: url, download: `costs-${data.period}-by-${group}.csv` });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {{load: import('../api.js').Load}} props a load grouped by model */
export function Unpriced({ load }) {
  return html`<${Card} title="Not priced" sub="by model" busy=${load.busy}><${Faces} load=${load} what="price coverage">${(/** @type {any} */ data) => {
    const rows = data.group_by === 'model' ? data.breakdown.filter((/** @type {any} */ row) => row.unpriced_calls) : [];
    if (!rows.length) return html`<${Empty} title=${data.calls === 0 ? 'No calls to price.' : isUnknown(data.coverage) ? 'Price coverage is unknown.' : 'Every call in this period has a price.'} />`;
    return html`<ul class="list">${rows.map((/** @type {any} */ row) => html`<li key=${row.category}><a class="list-row" href=${route.value.path + query({ tab: 'ledger', f: [...params.value.getAll('f').filter((one) => !/^(model|state):/.test(one)), rowFilter('model', row.category), 'state:unpriced'] })}>
      <span class="list-main"><b>${row.category ?? 'no model named'}</b><span class="list-sub">of ${plural(row.count, 'call')}</span></span>
      <span class="list-figure">${plural(row.unpriced_calls, 'call')}</span></a></li>`)}</ul>
      <p class="card-note">These calls are counted, and left out of the total. <a href=${link('/costs/prices', {}, ['tz'])}>Give them a price</a></p>`;
  }}<//><//>`;
}
