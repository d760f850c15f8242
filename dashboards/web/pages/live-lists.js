// @ts-check
/** The lists of Live: spend by model, slow and failed calls. Never: an order that changes under the pointer. */
import { html } from '../html.js';
import { isUnknown, milliseconds, moneyLength, percent, plural } from '../format.js';
import { moment } from './live-side.js';
import { look } from '../status.js';
import { link } from '../url.js';
import { useSteady } from '../parts/hooks.js';
import { Card, Empty } from '../parts/card.js';
import { Ago, Chip, Figure, Money } from '../parts/chip.js';

const MOST_MODELS = 6;

/** @param {{models: any[], tiles: any}} props */
export function Models({ models, tiles }) {
  const { shown, hold } = useSteady(models, (one) => `${one.provider} ${one.model}`);
  const most = Math.max(...models.map((one) => moneyLength(one.cost) ?? 0), 0);
  const total = moneyLength(tiles.spend_today);
  return html`<${Card} title="Spend by model" sub="today" actions=${html`<a href=${link('/costs', { period: 'today', group: 'model' }, ['tz'])}>Costs</a>`}>
    ${models.length ? html`<ul class="meters" ...${hold}>${shown.slice(0, MOST_MODELS).map((one) => {
      const cost = moneyLength(one.cost);
      return html`<li key=${`${one.provider} ${one.model}`}><a class="meter-row" href=${link('/traces', { f: `model:${one.model ?? ''}`, from: 'now-24h', sort: '-cost' }, ['tz'])}>
        <span class="meter-name">${one.model ?? 'no model named'}</span><span class="meter-figure"><${Money} value=${one.cost} unpriced=${isUnknown(one.cost) ? one.calls : 0} /></span>
        <span class="meter"><i class=${isUnknown(one.cost) ? 'hatched whole' : `slot${one.slot ?? 0}`} style=${{ width: isUnknown(one.cost) ? '100%' : `${most ? Math.max(1, (Number(cost) / most) * 100) : 0}%` }}></i></span>
        <span class="meter-sub">${plural(one.calls, 'call')}${total && cost !== null ? ` · ${percent(cost / total)}` : ''}</span></a></li>`;
    })}</ul>${models.length > MOST_MODELS ? html`<p class="more"><a href=${link('/costs', { period: 'today', group: 'model' }, ['tz'])}>${models.length - MOST_MODELS} more</a></p>` : null}` : html`<${Empty} title="No billable calls yet today." />`}
  <//>`;
}

/** @param {{calls: any[], known: boolean}} props known: whether any call was received in that time */
export function SlowCalls({ calls, known }) {
  const { shown, waiting, hold } = useSteady(calls, (one) => `${one.trace_id}${one.span_id}`);
  return html`<${Card} title="Slow and failed calls" sub=${waiting ? `${waiting} new when you leave the list` : 'last 15 min, newest first'} actions=${html`<a href=${link('/traces', { from: 'now-15m' }, ['tz'])}>All traces</a>`}>
    ${calls.length ? html`<div ...${hold}><table class="table cards-narrow calls-table">
      <thead><tr><th scope="col">Call</th><th scope="col">Service</th><th scope="col" class="num">Duration</th><th scope="col" class="num">Cost</th><th scope="col">Result</th><th scope="col" class="num">When</th></tr></thead>
      <tbody>${shown.map((one) => html`<tr key=${`${one.trace_id}${one.span_id}`} class="row-link">
        <td class="cell-name"><a href=${link(`/traces/${one.trace_id}`, { sel: one.span_id }, ['tz'])}>${[one.operation, one.model].filter(Boolean).join(' ') || 'call'}</a></td>
        <td class="cell-sub">${one.service}</td>
        <td class="num cell-figure"><${Figure}>${milliseconds(one.duration_ms)}<//></td>
        <td class="num cell-figure2"><${Money} value=${one.cost} unpriced=${isUnknown(one.cost) ? 1 : 0} /></td>
        <td class="cell-state"><${Chip} look=${one.error_type ? { ...look('error'), word: 'Error' } : look('slow')} title=${one.error_type ?? undefined} /></td>
        <td class="num quiet cell-when"><${Ago} ms=${moment(one.at)} /></td>
      </tr>`)}</tbody></table></div>` : html`<${Empty} title=${known ? 'No slow or failed calls in the last 15 minutes.' : 'No calls were received in the last 15 minutes.'} />`}
  <//>`;
}
