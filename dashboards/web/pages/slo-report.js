// @ts-check
/**
 * The report of one objective, made for paper: A4, no navigation, and nothing that only a screen can show.
 *
 * Given: its name, and `month` of the URL. Gives: compliance, budget, incidents, downtime, who it was, method. Never: a month that looks kept because nobody looked.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { absolute, instant, isUnknown, percent, shortDateTime, whole } from '../format.js';
import { link, params, route, spell, zone } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Chip } from '../parts/chip.js';
import { elsewhere, exactPercent, span, stateLook, stateReason } from '../slo/words.js';
import { Series } from './slo-series.js';
import { Groups } from './slo-groups.js';
import { Contributors, Incidents, Measured } from './slo-parts.js';
import { MonthPicker, Signature, monthAsked, monthName } from './report-parts.js';

export const name = 'SLO report';
export const styles = '/assets/pages/pledges.css';

const asked = () => decodeURIComponent(route.value.path.split('/')[2] ?? '');

function Crumbs() {
  return html`<a href=${link('/slos', {}, ['tz'])}>SLOs</a> <span class="crumb">/ <a href=${link(`/slos/${asked()}`, {}, ['tz'])}>${asked()}</a> / report</span>`;
}

export const title = html`<${Crumbs} />`;

/** @param {{argument: string}} props */
export function View({ argument }) {
  const month = monthAsked(params.value.get('month'));
  const search = new URLSearchParams(month ? { month, tz: zone.value } : {});
  const load = useLoad(`/api/v1/slos/${argument}/report${spell(search)}`, { subject: `${argument} ${month}` });
  if (load.error?.status === 404) return html`<div class="page"><${Card} title="No such objective"><${Empty} title="There is no objective of this name."><a class="button" href=${link('/slos', {}, ['tz'])}>All objectives</a><//><//></div>`;
  return html`<div class="page report-page"><div class="bar no-print"><${MonthPicker} month=${month} own="Its own window" /><button class="button bar-end" onClick=${() => window.print()}><${Icon} name="download" />Print or save as PDF</button></div>
    <${Faces} load=${load} what="the report" boxed=${true} blank=${html`<div class="card blank list-blank"></div>`}>${(/** @type {any} */ slo) => html`<${Paper} slo=${slo} month=${month} search=${search} argument=${argument} />`}<//></div>`;
}

/** @param {{slo: any, month: string, search: URLSearchParams, argument: string}} props */
function Paper({ slo, month, search, argument }) {
  const judged = elsewhere(slo);
  const figures = [
    ['Target', exactPercent(slo.slo_target)], ['Achieved', exactPercent(slo.achieved_performance, slo.slo_target)], ['Budget left', percent(slo.remaining_ratio)],
    ['Bad of all', isUnknown(slo.achieved_performance) ? '—' : `${whole(slo.bad)} of ${slo.estimated ? '≈ ' : ''}${whole(slo.total)}`],
    ['Bad for', minutes(slo, slo.bad_minutes)], ['Down for', minutes(slo, slo.downtime_minutes)], ['Planned downtime', slo.excluded_minutes ? span(slo.excluded_minutes * 60) : 'none'],
    ['Incidents', whole(slo.incidents.length)], ['Window seen', percent(slo.coverage)], ['The window before', exactPercent(slo.previous.achieved_performance, slo.slo_target)],
  ];
  return html`<article class="paper"><header><h1>${slo.display_name}</h1><p class="quiet">${slo.service} · ${month ? monthName(month) : 'its own window'} · ${shortDateTime(instant(slo.from), zone.value)} to ${shortDateTime(instant(slo.to), zone.value)} (${zone.value})</p>
      <p class="slo-state"><${Chip} look=${stateLook(judged)} /> <span>${stateReason(judged)}.</span></p></header>
    <dl class="figures paper-figures">${figures.map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
    <${Series} name=${argument} search=${search} still=${true} />
    <${Incidents} slo=${slo} />
    ${slo.excluded.length ? html`<${Card} title="Planned downtime" sub="left out of all figures"><ul class="plain-list">${slo.excluded.map((/** @type {any} */ one) => html`<li key=${one.from}>${absolute(instant(one.from), zone.value)}, ${span(one.minutes * 60)}</li>`)}</ul><//>` : null}
    <${Groups} slo=${slo} /><${Contributors} slo=${slo} /><${Measured} slo=${slo} />
    <${Signature} />
  </article>`;
}

/** @param {any} slo @param {number} value */
const minutes = (slo, value) => (isUnknown(slo.achieved_performance) ? '—' : value ? span(value * 60) : 'none');
