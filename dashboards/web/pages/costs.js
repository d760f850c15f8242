// @ts-check
/**
 * Costs: what was spent, on what, and how complete the figure is.
 *
 * Given: the cost statistics of a period and a grouping. Gives: total with coverage, trend, breakdown, what has no price, ledger lines.
 * Never: an amount through a float; geometry alone may lose digits.
 */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { count, exactMoney, instant, isUnknown, money, percent, plural, shortDateTime, whole } from '../format.js';
import { link, params, query, route, setParams, spell, zone } from '../url.js';
import { usePageKeys } from '../keys.js';
import { look } from '../status.js';
import { Card, Empty, Faces, FirstSteps } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { FilterChips } from '../parts/filters.js';
import { Later } from '../parts/later.js';
import { Views } from '../parts/views.js';
import { CostPlaces } from '../parts/places.js';
import { Segments } from '../parts/segments.js';
import { GROUPS, PERIODS, Breakdown, Unpriced } from './costs-breakdown.js';
import { Trend } from './costs-trend.js';

export const title = 'Costs';
export const styles = '/assets/pages/costs.css';
const FILTER_KEYS = ['model', 'provider', 'service', 'feature', 'user_tier', 'user_id', 'tenant', 'operation', 'state'];

/** @param {string} key @param {readonly string[]} allowed @param {string} fallback */
const oneOf = (key, allowed, fallback) => (allowed.includes(params.value.get(key) ?? '') ? String(params.value.get(key)) : fallback);

/** @param {string} period @param {string} group */
function address(period, group) {
  const search = new URLSearchParams({ period, group_by: group, tz: zone.value });
  for (const filter of params.value.getAll('f')) search.append('f', filter);
  return `/admin/statistics/costs${spell(search)}`;
}

export function View() {
  const period = oneOf('period', Object.keys(PERIODS), 'month');
  const group = oneOf('group', Object.keys(GROUPS), 'model');
  const tab = oneOf('tab', ['breakdown', 'ledger'], 'breakdown');
  const load = useLoad(address(period, group), { every: 10_000, subject: `${period} ${params.value.getAll('f')}` });
  const byModel = useLoad(group === 'model' ? null : address(period, 'model'), { every: 30_000, subject: period });
  usePageKeys({ m: () => setParams({ group: 'model' }), f: () => setParams({ group: 'feature' }), i: () => setParams({ group: 'user_tier' }), u: () => setParams({ group: 'user' }) });
  const shown = load.data && load.data.group_by === group ? load.data : null;
  const otherTime = tab === 'ledger' && params.value.has('from'); // lines of another time than the period's
  return html`<div class="page costs-page"><${CostPlaces} />
    <div class="bar">
      <${Segments} label="Period" name="period" value=${period} options=${PERIODS} />
      <${FilterChips} keys=${FILTER_KEYS} /><span class="bar-end"><${Views} /></span>
    </div>
    <${Card} title=${`Spent ${PERIODS[/** @type {keyof typeof PERIODS} */ (period)].toLowerCase()}`} sub=${load.data ? span(load.data) : ''} busy=${load.busy} class="total-card"><${Faces} load=${load} what="spend" blank=${html`<div class="face blank total-blank"></div>`}>${(/** @type {any} */ data) => html`<${Total} data=${data} />`}<//><//>
    ${shown && shown.calls === 0 && !otherTime ? html`<${NoCalls} period=${period} />` : html`
      <div class="costs-two"><${Trend} load=${load} data=${shown} group=${group} />
        <${Later} load=${() => import('./costs-ahead.js')} part="Ahead" styles="/assets/charts/course.css" blank=${html`<div class="card blank"></div>`} data=${load.data} /></div>
      <div class="tabs" role="group" aria-label="What to show">
          ${[['breakdown', 'Breakdown'], ['ledger', 'Ledger lines']].map(([name, text]) => html`<a key=${name} href=${route.value.path + query({ tab: name === 'breakdown' ? null : name, cursor: null })} aria-current=${tab === name ? 'true' : undefined}>${text}</a>`)}</div>
      <div class="costs-body">
        ${tab === 'ledger' ? html`<${Later} load=${() => import('./ledger-lines.js')} part="LedgerLines" blank=${html`<div class="card blank"></div>`} data=${load.data} />` : html`<${Breakdown} load=${load} data=${shown} group=${group} />`}
        <div class="costs-side"><${Unpriced} load=${group === 'model' ? load : byModel} /></div>
      </div>`}
  </div>`;
}

/** @param {any} data */
const span = (data) => `${shortDateTime(instant(data.from), data.timezone)} – ${shortDateTime(instant(data.to), data.timezone)}, ${data.timezone}`;

/** @param {{data: any}} props */
function Total({ data }) {
  const share = data.coverage;
  const unknown = isUnknown(data.total_cost);
  const unpricedLink = link('/traces', { f: ['state:unpriced'], from: data.from, to: data.to }, ['tz', 'f']);
  return html`<div class="total">
    <div class="total-figure"><span class="huge" title=${exactMoney(data.total_cost)}><${Figure}>${money(data.total_cost)}<//></span>
      ${unknown ? html`<${Chip} look=${look('no_data')} />` : null}
      ${data.unpriced_calls ? html`<a class="total-unpriced" href=${unpricedLink}>+ ${plural(data.unpriced_calls, 'unpriced call')}</a>` : null}</div>
    <dl class="figures">
      <div class="coverage"><dt>Calls priced</dt><dd><${Figure}>${percent(share)}<//>${isUnknown(share) ? null : html`<span class="meter"><i class=${share >= 1 ? 'tone-ok' : 'tone-warn'} style=${{ width: `${share * 100}%` }}></i></span>`}</dd></div>
      <div><dt>Calls</dt><dd><a href=${link('/traces', { from: data.from, to: data.to }, ['tz', 'f'])}><${Figure}>${whole(data.calls)}<//></a></dd></div>
      <div><dt>Tokens in / out</dt><dd><${Figure}>${count(data.input_tokens)}<//> / <${Figure}>${count(data.output_tokens)}<//></dd></div>
      <div><dt>Cached input</dt><dd><${Figure}>${data.input_tokens ? percent(data.cached_input_tokens === null ? null : data.cached_input_tokens / data.input_tokens) : '—'}<//></dd></div>
      ${data.estimated_calls ? html`<div><dt>Estimated usage</dt><dd>${plural(data.estimated_calls, 'call')}</dd></div>` : null}
      ${data.free_calls ? html`<div><dt>Free</dt><dd>${plural(data.free_calls, 'call')}</dd></div>` : null}
    </dl>
  </div>`;
}

/** @param {{period: string}} props */
function NoCalls({ period }) {
  const filtered = params.value.getAll('f').length;
  if (filtered) return html`<${Card} title="No match"><${Empty} title="No calls match these filters."><button class="button" onClick=${() => setParams({ f: null })}>Remove ${plural(filtered, 'filter')}</button><//><//>`;
  return html`<${Card} title="Nothing to show yet"><${Empty} title=${`No billable calls ${PERIODS[/** @type {keyof typeof PERIODS} */ (period)].toLowerCase()} yet.`}><${FirstSteps} /><//><//>`;
}
