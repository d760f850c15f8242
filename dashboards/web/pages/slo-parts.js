// @ts-check
/** The cards of one objective: pairs of windows, burn rates, incidents, contributors, how it is measured. Never: a pair that nobody can judge shown as quiet. */
import { html } from '../html.js';
import { absolute, instant, isUnknown, percent, shortDateTime, whole } from '../format.js';
import { KEYS } from '../filters.js';
import { link, zone } from '../url.js';
import { Card, Empty } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { behind, conditionWords, exactPercent, fieldWords, pairName, pairWords, span, times } from '../slo/words.js';

/** A link to the events behind a part of an objective; null where there is no list of them. @param {any} slo @param {{from: string, to: string}} when @param {{dimension: string, value: string | null}} [part] */
export function behindLink(slo, when, part) {
  const place = behind(slo.measured, part);
  return place && link(place.path, { f: place.filters, from: when.from, to: when.to, tab: place.tab }, ['tz']);
}

/** @param {{slo: any}} props */
export function Pairs({ slo }) {
  return html`<${Card} title="Pairs of windows" sub="one fires when both of its windows burn faster than its threshold">
    ${slo.conditions.length ? html`<table class="table pairs-table">
      <thead><tr><th scope="col">Pair</th><th scope="col" class="num">Long</th><th scope="col" class="num">Short</th><th scope="col" class="num">Threshold</th></tr></thead>
      <tbody>${slo.conditions.map((/** @type {any} */ pair) => {
        const { look, why } = pairWords(pair);
        const over = (/** @type {number | null} */ rate) => (rate !== null && rate > pair.threshold ? 'num over' : 'num');
        return html`<tr key=${`${pair.long_s} ${pair.short_s}`}>
          <td class="cell-pair"><${Chip} look=${look} /><span>${pairName(pair)}<span class="cell-under">${why}</span></span></td>
          <td class=${over(pair.long_burn_rate)}><${Figure}>${times(pair.long_burn_rate)}<//></td><td class=${over(pair.short_burn_rate)}><${Figure}>${times(pair.short_burn_rate)}<//></td>
          <td class="num" title=${`spends ${pair.budget_percent} % of the budget within ${span(pair.long_s)}`}>${times(pair.threshold)}</td></tr>`;
      })}</tbody></table>` : html`<${Empty} title="This objective has no pairs of windows." />`}<//>`;
}

/** @param {{slo: any}} props */
export function Burn({ slo }) {
  const most = Math.max(2, ...slo.burn_rates.map((/** @type {any} */ one) => one.burn_rate ?? 0));
  const at = (/** @type {number} */ rate) => Math.sqrt(rate / most) * 100;
  return html`<${Card} title="Burn rates" sub="1× spends the budget exactly within the window">
    <table class="table burn-table"><thead><tr><th scope="col">Last</th><th scope="col"><span class="hidden-text">Bar</span></th><th scope="col" class="num">Burn</th><th scope="col" class="num">Bad of all</th></tr></thead>
      <tbody>${slo.burn_rates.map((/** @type {any} */ one) => html`<tr key=${one.window_s}><td>${span(one.window_s)}</td>
        <td class="cell-bar"><span class="level" aria-hidden="true"><i class=${isUnknown(one.burn_rate) ? 'hatched' : `tone-${one.burn_rate > 1 ? 'warn' : 'ok'}`} style=${{ width: isUnknown(one.burn_rate) ? '100%' : `${at(one.burn_rate)}%` }}></i><b style=${{ left: `${at(1)}%` }}></b></span></td>
        <td class="num"><${Figure}>${times(one.burn_rate)}<//></td>
        <td class="num quiet">${one.total ? `${whole(one.total - one.good)} of ${one.estimated ? '≈ ' : ''}${whole(one.total)}` : 'no events'}${isUnknown(one.coverage) || one.coverage >= 0.9 ? '' : ` · ${percent(one.coverage)} seen`}</td></tr>`)}</tbody></table><//>`;
}

/** @param {{slo: any}} props */
export function Incidents({ slo }) {
  const worst = [...slo.incidents].reverse();
  return html`<${Card} title="Incidents" sub=${worst.length ? 'stretches of bad minutes, newest first' : ''}>
    ${worst.length ? html`<div class="scroll-x" tabindex="0" role="region" aria-label="Incidents, table"><table class="table"><thead><tr><th scope="col">Began</th><th scope="col" class="num">Lasted</th><th scope="col" class="num">Bad of all</th><th scope="col" class="num wide-cell">Down</th><th scope="col" class="num">Of the budget</th></tr></thead>
      <tbody>${worst.map((one) => {
        const to = behindLink(slo, one);
        const began = html`<time datetime=${one.from} title=${absolute(instant(one.from), zone.value)}>${shortDateTime(instant(one.from), zone.value)}</time>`;
        return html`<tr key=${one.from} class=${to ? 'row-link' : ''}><td>${to ? html`<a href=${to}>${began}</a>` : began}</td><td class="num">${span((Number(instant(one.to)) - Number(instant(one.from))) / 1000)}</td>
          <td class="num">${one.total ? `${whole(one.bad)} of ${one.estimated ? '≈ ' : ''}${whole(one.total)}` : 'no events'}</td><td class="num wide-cell">${one.downtime_minutes ? span(one.downtime_minutes * 60) : 'no'}</td><td class="num">${percent(one.budget_percent / 100)}</td></tr>`;
      })}</tbody></table></div>` : html`<${Empty} title=${isUnknown(slo.achieved_performance) ? 'Nothing was seen, so nothing can be told.' : 'No stretch of bad minutes spent a hundredth of the budget.'} />`}<//>`;
}

/** @param {{slo: any}} props */
export function Contributors({ slo }) {
  const dimensions = [...new Set(slo.contributors.map((/** @type {any} */ one) => one.dimension))];
  return html`<${Card} title="What spends it" sub=${dimensions.length ? 'share of the bad events' : ''}>
    ${dimensions.length ? dimensions.map((dimension) => html`<div key=${dimension} class="spenders"><h3>By ${(KEYS[/** @type {keyof typeof KEYS} */ (dimension)] ?? String(dimension)).toLowerCase()}</h3><ul class="meters">${slo.contributors.filter((/** @type {any} */ one) => one.dimension === dimension).map((/** @type {any} */ one) => html`<${Contributor} key=${one.value} slo=${slo} one=${one} />`)}</ul></div>`)
      : html`<${Empty} title=${isUnknown(slo.achieved_performance) ? 'Nothing was seen, so nothing can be told.' : 'Nothing was bad in this window.'} />`}<//>`;
}

/** @param {{slo: any, one: any}} props */
function Contributor({ slo, one }) {
  const to = behindLink(slo, slo, one);
  const inner = html`<span class="meter-name">${one.value ?? html`<span class="quiet">not set</span>`}</span><span class="meter-figure"><${Figure}>${percent(one.share_of_bad)}<//></span>
    <span class="meter"><i class="slot9" style=${{ width: `${(one.share_of_bad ?? 0) * 100}%` }}></i></span><span class="meter-sub">${whole(one.bad)} of ${one.estimated ? '≈ ' : ''}${whole(one.total)} bad</span>`;
  return html`<li>${to ? html`<a class="meter-row" href=${to}>${inner}</a>` : html`<div class="meter-row">${inner}</div>`}</li>`;
}

const KINDS = /** @type {Record<string, string>} */ ({ span: 'Spans', ledger: 'Billable calls of the ledger, which are never sampled', metric: 'Values of a metric', composite: 'The share of good events of each part, by its weight' });
const METHODS = /** @type {Record<string, string>} */ ({ occurrences: 'events', timeslices: 'slices of time, each good or not', ratio_timeslices: 'slices of time, each by its share of good events' });

/** @param {{slo: any}} props */
export function Measured({ slo }) {
  const { kind, metric, good_metric: goodMetric, where, good, threshold, from } = slo.measured;
  const parts = (slo.measured.parts ?? []).map((/** @type {any} */ part, /** @type {number} */ index) => html`${index ? ', ' : ''}<a href=${link(`/slos/${part.slo}`, {}, ['tz'])}>${part.slo}</a> (weight ${part.weight})`);
  const counted = conditionWords(where);
  const limit = threshold && `${fieldWords(threshold.field)} at ${threshold.side === 'below' ? 'most' : 'least'} ${threshold.value}`;
  const beside = threshold && threshold.effective_value !== threshold.value ? ` (${Number(threshold.effective_value.toPrecision(4))} is what holds: the edge of the histogram's bucket)` : '';
  return html`<${Card} title="How it is measured" sub=${slo.definition.description ?? ''}><dl class="facts">
    ${parts.length ? html`<div><dt>Made of</dt><dd>${parts}</dd></div>` : null}
    <div><dt>Counted</dt><dd>${KINDS[kind] ?? kind}${metric ? html` <code>${metric}</code>` : null}${counted.length ? `: ${counted.join('; ')}` : ''}</dd></div>
    <div><dt>Good</dt><dd>${goodMetric ? html`those that <code>${goodMetric}</code> counts` : [...conditionWords(good), limit && limit + beside].filter(Boolean).join('; ') || (parts.length ? 'as each part says' : 'all that is counted')}</dd></div>
    <div><dt>Budget</dt><dd>${exactPercent(slo.total_error_budget)} of ${METHODS[slo.definition.method ?? 'occurrences'] ?? slo.definition.method}</dd></div>
    <div><dt>Read from</dt><dd>${from === 'parts' ? 'what its parts are read from' : from === 'rollups' ? 'minutes, hours and days that are kept beyond the spans' : 'the rows themselves'}</dd></div>
    <div><dt>Definition</dt><dd><details><summary>Generation ${slo.generation}</summary><pre class="mono">${JSON.stringify(slo.definition, null, 2)}</pre></details></dd></div>
  </dl><//>`;
}
