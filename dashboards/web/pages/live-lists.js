// @ts-check
/** The lists of Live: services, spend by model, slow and failed calls. Never: an order that changes under the pointer. */
import { html } from '../html.js';
import { count, instant, isUnknown, milliseconds, moneyLength, percent, plural } from '../format.js';
import { look } from '../status.js';
import { link } from '../url.js';
import { useSteady } from '../parts/hooks.js';
import { Card, Empty } from '../parts/card.js';
import { Ago, Chip, Figure, Money } from '../parts/chip.js';

/** A moment as the server may write it: RFC 3339, or seconds since 1970. @param {string | number | null} value */
const moment = (value) => (typeof value === 'number' ? value * 1000 : instant(value));

/** @param {{services: any[]}} props */
export function Services({ services }) {
  const { shown, hold } = useSteady(services, (one) => one.service);
  const counts = ['critical', 'warning', 'unknown', 'ok'].map((level) => [level, services.filter((one) => one.state === level).length]).filter(([, n]) => n);
  const well = services.filter((one) => one.state === 'ok').length;
  const sub = well ? `${well} of ${services.length} healthy` : counts.map(([level, n]) => `${n} ${look(String(level)).word.toLowerCase()}`).join(' · ');
  return html`<${Card} title="Services" sub=${sub}>
    ${services.length ? html`<ul class="list" ...${hold}>${shown.map((one) => html`<li key=${one.service}><a class="list-row" href=${link('/traces', { f: `service:${one.service}`, from: 'now-15m' }, ['tz'])}>
      <span class="list-main"><b>${one.service}</b><span class="list-sub">${subline(one)}</span></span>
      <span class="list-side">${one.state === 'unknown' ? html`<${Ago} ms=${moment(one.last_seen)} />` : html`${isUnknown(one.cost) ? null : html`<${Money} value=${one.cost} />`}${isUnknown(one.p95_ms) ? null : html`<span class="list-sub">p95 ${milliseconds(one.p95_ms)}</span>`}`}</span>
      <${Chip} look=${look(one.state)} title=${one.reason ?? undefined} />
    </a></li>`)}</ul>` : html`<${Empty} title="No service has reported in 24 hours." />`}
  <//>`;
}

/** @param {any} one */
function subline(one) {
  if (one.state !== 'ok' && one.reason) return one.reason;
  const pieces = [];
  if (one.calls) pieces.push(`${count(one.calls)} ${one.calls === 1 ? 'call' : 'calls'}`);
  if (one.errors) pieces.push(`${count(one.errors)} failed`);
  if (!pieces.length && one.spans) pieces.push(plural(one.spans, 'span'));
  return pieces.join(' · ') || 'no calls';
}

/** @param {{models: any[], tiles: any}} props */
export function Models({ models, tiles }) {
  const { shown, hold } = useSteady(models, (one) => `${one.provider} ${one.model}`);
  const most = Math.max(...models.map((one) => moneyLength(one.cost) ?? 0), 0);
  const total = moneyLength(tiles.spend_today);
  return html`<${Card} title="Spend by model" sub="today" actions=${html`<a href=${link('/costs', { period: 'today', group: 'model' }, ['tz'])}>Costs</a>`}>
    ${models.length ? html`<ul class="meters" ...${hold}>${shown.slice(0, 8).map((one) => {
      const cost = moneyLength(one.cost);
      return html`<li key=${`${one.provider} ${one.model}`}><a class="meter-row" href=${link('/traces', { f: `model:${one.model ?? ''}`, from: 'now-24h', sort: '-cost' }, ['tz'])}>
        <span class="meter-name">${one.model ?? 'no model named'}</span><span class="meter-figure"><${Money} value=${one.cost} unpriced=${isUnknown(one.cost) ? one.calls : 0} /></span>
        <span class="meter"><i class=${isUnknown(one.cost) ? 'hatched whole' : `slot${one.slot ?? 0}`} style=${{ width: isUnknown(one.cost) ? '100%' : `${most ? Math.max(1, (Number(cost) / most) * 100) : 0}%` }}></i></span>
        <span class="meter-sub">${plural(one.calls, 'call')}${total && cost !== null ? ` · ${percent(cost / total)}` : ''}</span></a></li>`;
    })}</ul>${models.length > 8 ? html`<p class="more"><a href=${link('/costs', { period: 'today', group: 'model' }, ['tz'])}>${models.length - 8} more</a></p>` : null}` : html`<${Empty} title="No billable calls yet today." />`}
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
