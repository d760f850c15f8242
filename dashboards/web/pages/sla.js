// @ts-check
/**
 * All objectives over a calendar month, made for paper.
 *
 * Given: `month` of the URL, else this one. Gives: what was kept, missed and not known, downtime, incidents. Never: an unknown objective among those that were kept.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { instant, percent, plural, shortDateTime, whole } from '../format.js';
import { link, params, spell, zone } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Chip } from '../parts/chip.js';
import { elsewhere, exactPercent, span, stateLook, stateReason } from '../slo/words.js';
import { MonthPicker, Signature, monthAsked, monthName, months } from './report-parts.js';

export const title = 'Service levels';
export const styles = '/assets/pages/pledges.css';

export function View() {
  const month = monthAsked(params.value.get('month')) || months()[0];
  const search = new URLSearchParams({ month, tz: zone.value });
  const load = useLoad(`/api/v1/reports/sla${spell(search)}`, { subject: month });
  return html`<div class="page report-page"><div class="bar no-print"><${MonthPicker} month=${month} />
      <span class="bar-end"><a class="button" href=${`/api/v1/reports/sla${spell(new URLSearchParams({ ...Object.fromEntries(search), format: 'markdown' }))}`} download=${`service-levels-${month}.md`}><${Icon} name="download" />Markdown</a>
      <button class="button" onClick=${() => window.print()}><${Icon} name="download" />Print or save as PDF</button></span></div>
    <${Faces} load=${load} what="the report" boxed=${true} blank=${html`<div class="card blank list-blank"></div>`}>${(/** @type {any} */ data) => html`<${Paper} data=${data} month=${month} />`}<//></div>`;
}

/** @param {{data: any, month: string}} props */
function Paper({ data, month }) {
  const troubles = data.slos.filter((/** @type {any} */ slo) => slo.incidents.length);
  return html`<article class="paper"><header><h1>Service levels, ${monthName(month)}</h1>
      <p class="quiet">${shortDateTime(instant(data.from), zone.value)} to ${shortDateTime(instant(data.to), zone.value)} (${data.timezone})</p>
      ${data.slos.length ? html`<p>${plural(data.slos.length, 'objective')}: ${data.kept} kept, ${data.missed} missed, ${data.unknown} not known; ${plural(data.incidents, 'incident')}, ${data.downtime_minutes ? span(data.downtime_minutes * 60) : 'no'} downtime.</p>` : null}</header>
    <${Card} title="Objectives">${data.slos.length ? html`<table class="table cards-narrow sla-table">
      <thead><tr><th scope="col">Objective</th><th scope="col">State</th><th scope="col" class="num wide-cell">Target</th><th scope="col" class="num">Achieved</th><th scope="col" class="num">Budget left</th><th scope="col" class="num">Down</th><th scope="col" class="num wide-cell">Planned</th></tr></thead>
      <tbody>${data.slos.map((/** @type {any} */ slo) => html`<tr key=${slo.id}><td class="cell-name"><a href=${link(`/slos/${slo.name}/report`, { month }, ['tz'])}>${slo.display_name}</a><span class="cell-under">${slo.service}</span></td>
        <td class="cell-state"><${Chip} look=${stateLook(elsewhere(slo))} /><span class="cell-under">${stateReason(elsewhere(slo))}</span></td><td class="num wide-cell">${exactPercent(slo.slo_target)}</td><td class="num cell-sub">${exactPercent(slo.achieved_performance, slo.slo_target)}<span class="narrow-only"> of ${exactPercent(slo.slo_target)}</span></td>
        <td class="num cell-figure">${percent(slo.remaining_ratio)}<span class="narrow-only"> left</span></td><td class="num cell-figure2"><span class="narrow-only">down </span>${slo.downtime_minutes ? span(slo.downtime_minutes * 60) : slo.total ? 'none' : '—'}</td><td class="num wide-cell">${slo.excluded_minutes ? span(slo.excluded_minutes * 60) : 'none'}</td></tr>`)}</tbody></table>` : html`<${Empty} title="No objective is defined."><a class="button no-print" href=${link('/slos', {}, ['tz'])}>All objectives</a><//>`}<//>
    ${troubles.map((/** @type {any} */ slo) => html`<${Card} key=${slo.id} title=${slo.display_name} sub=${plural(slo.incidents.length, 'incident')}><ul class="plain-list">${slo.incidents.map((/** @type {any} */ one) => html`<li key=${one.from}>${shortDateTime(instant(one.from), zone.value)} to ${shortDateTime(instant(one.to), zone.value)}: ${one.total ? `${whole(one.bad)} of ${whole(one.total)} bad` : 'no events'}, ${percent(one.budget_percent / 100)} of the budget${one.downtime_minutes ? `, ${span(one.downtime_minutes * 60)} down` : ''}</li>`)}</ul><//>`)}
    <${Signature} /></article>`;
}
