// @ts-check
/**
 * One objective: what is left, how fast it goes, what spent it, and how it is measured.
 *
 * Given: its name, `window` or `month` of the URL. Gives: figures, burn rates, pairs, incidents, contributors, the window before.
 * Never: burn rates of now under the heading of another window.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { instant, isUnknown, percent, plural, shortDateTime, whole } from '../format.js';
import { link, params, query, route, setParams, spell, zone } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { Left } from '../charts/left.js';
import { elsewhere, exactPercent, goneIn, span, stateLook, stateReason, times, windowWords } from '../slo/words.js';
import { monthName, months } from './report-parts.js';
import { Series } from './slo-series.js';
import { Groups } from './slo-groups.js';
import { Burn, Contributors, Incidents, Measured, Pairs, behindLink } from './slo-parts.js';
import { LeftFigure } from './slos.js';

export const name = 'SLO';
export const styles = '/assets/pages/pledges.css';
const EVERY_MS = 30_000;
const WINDOWS = ['1d', '7d', '30d', '90d'];

const asked = () => decodeURIComponent(route.value.path.split('/')[2] ?? '');

function Crumbs() {
  return html`<a href=${link('/slos', {}, ['tz'])}>SLOs</a> <span class="crumb">/ ${asked()}</span>`;
}

export const title = html`<${Crumbs} />`;

/** The window that is asked for; nothing for the objective's own. */
function chosen() {
  const month = params.value.get('month') ?? '';
  const window = params.value.get('window') ?? '';
  if (/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) return { month, window: '' };
  return { month: '', window: /^[1-9]\d{0,3}[hdw]$/.test(window) ? window : '' };
}

/** @param {{argument: string}} props */
export function View({ argument }) {
  const { month, window } = chosen();
  const search = new URLSearchParams(month ? { month, tz: zone.value } : window ? { window } : {});
  const load = useLoad(`/api/v1/slos/${argument}/report${spell(search)}`, { every: EVERY_MS, subject: `${argument} ${search}` });
  if (load.error?.status === 404) {
    return html`<div class="page"><${Card} title="No such objective"><${Empty} title="There is no objective of this name."><a class="button" href=${link('/slos', {}, ['tz'])}>All objectives</a><//><//></div>`;
  }
  return html`<div class="page slo-page"><${Picker} argument=${argument} month=${month} window=${window} />
    <${Faces} load=${load} what="the objective" boxed=${true} blank=${html`<div class="card blank head-blank"></div><div class="card blank list-blank"></div>`}>${(/** @type {any} */ slo) => html`<${Objective} slo=${slo} own=${!month && !window} series=${html`<${Series} name=${argument} search=${search} />`} />`}<//></div>`;
}

/** @param {{argument: string, month: string, window: string}} props */
function Picker({ argument, month, window }) {
  const choose = (/** @type {string} */ one) => setParams({ window: one || null, month: null });
  const offered = month && !months().includes(month) ? [month, ...months()] : months();
  return html`<div class="bar">
    <div class="segments" role="group" aria-label="Window">${['', ...(window && !WINDOWS.includes(window) ? [window] : []), ...WINDOWS].map((one) => html`<button key=${one} aria-pressed=${!month && one === window} onClick=${() => choose(one)}>${one ? windowWords(one).replace('last ', '') : 'Its own'}</button>`)}</div>
    <label class="inline-label"><span class="hidden-text">Month</span><select value=${month} onChange=${(/** @type {any} */ event) => setParams({ month: event.currentTarget.value || null, window: null })}><option value="">A month…</option>${offered.map((one) => html`<option key=${one} value=${one}>${monthName(one)}</option>`)}</select></label>
    <span class="bar-end"><a class="button" href=${link(`/slos/${argument}/edit`, {}, ['tz'])}><${Icon} name="settings" />Change</a>
    <a class="button" href=${link(`/slos/${argument}/report`, month ? { month } : {}, ['tz'])}><${Icon} name="table" />Report</a>
    <a class="button" href="/api/v1/slos/openslo" download="objectives.yaml"><${Icon} name="download" />OpenSLO</a></span></div>`;
}

/** @param {{slo: any, own: boolean, series: any}} props */
function Objective({ slo, own, series }) {
  return html`<${Head} slo=${slo} own=${own} />
    ${series}
    ${own ? html`<div class="slo-two"><${Pairs} slo=${slo} /><${Burn} slo=${slo} /></div>` : null}
    <div class="slo-two"><${Incidents} slo=${slo} /><${Contributors} slo=${slo} /></div>
    <${Groups} slo=${slo} />
    <${Measured} slo=${slo} />`;
}

/** @param {any} slo */
const stretch = (slo) => `${shortDateTime(instant(slo.from), zone.value)} – ${shortDateTime(instant(slo.to), zone.value)}`;

/** @param {{slo: any, own: boolean}} props */
function Head({ slo, own }) {
  const judged = own ? slo : elsewhere(slo);
  const look = stateLook(judged);
  const gone = own ? goneIn(slo) : null;
  const unknown = isUnknown(slo.remaining_ratio);
  const allowed = slo.total * (1 - slo.slo_target / 100);
  const left = allowed - slo.bad;
  const bad = behindLink(slo, slo);
  const events = slo.definition.method && slo.definition.method !== 'occurrences' ? 'slices' : 'events';
  const notes = [
    slo.estimated && 'Counted from sampled spans: each stands for as many as its threshold says.', !slo.weighed && 'No span says how it was sampled: each stands for itself.',
    slo.excluded_minutes ? `${span(slo.excluded_minutes * 60)} of planned downtime ${slo.excluded_minutes === 1 ? 'is' : 'are'} left out.` : '',
    slo.uncounted ? `${plural(Math.round(slo.uncounted), 'span')} of unknown weight ${slo.uncounted === 1 ? 'is' : 'are'} left out.` : '',
  ].filter(Boolean).join(' ');
  return html`<${Card} title=${slo.display_name} sub=${[slo.service, own ? windowWords(slo.definition.window ?? '30d') : null, stretch(slo)].filter(Boolean).join(' · ')} class="total-card">
    <div class="total slo-head">
      <p class="slo-state"><${Chip} look=${look} /> <span>${stateReason(judged)}.</span></p>
      <div class="slo-left"><span class="huge"><${LeftFigure} ratio=${slo.remaining_ratio} /></span> <span class="quiet">${unknown ? 'of the budget: not known' : slo.remaining_ratio < 0 ? 'overspent' : 'of the budget left'}</span>
        <${Left} ratio=${slo.remaining_ratio} tone=${look.tone} />
        <p class="quiet">${unknown ? `No ${events} were counted.` : html`${bad ? html`<a href=${bad}>${whole(slo.bad)} bad</a>` : `${whole(slo.bad)} bad`} of ${slo.estimated ? '≈ ' : ''}${whole(slo.total)} ${events}; ${left < 0 ? `${whole(-left)} more than may be` : `${whole(Math.floor(left))} more may be`}`}</p></div>
      <dl class="figures">
        <div><dt>Achieved</dt><dd><${Figure}>${exactPercent(slo.achieved_performance, slo.slo_target)}<//></dd></div>
        <div><dt>Target</dt><dd>${exactPercent(slo.slo_target)}</dd></div>
        <div><dt title="1× spends the budget exactly within the window">Burn rate</dt><dd><${Figure}>${times(slo.burn_rate)}<//></dd></div>
        ${own ? html`<div><dt title="at the pace of the last hour">Gone in</dt><dd><${Figure}>${gone ?? '—'}<//></dd></div>` : null}
        <div><dt title="minutes in which fewer were good than the target asks">Bad for</dt><dd><${Minutes} minutes=${unknown ? null : slo.bad_minutes} /></dd></div>
        <div><dt title="minutes in which none was good">Down for</dt><dd><${Minutes} minutes=${unknown ? null : slo.downtime_minutes} /></dd></div>
        <div><dt>Window seen</dt><dd><${Figure}>${percent(slo.coverage)}<//></dd></div>
        <div><dt>Window before</dt><dd><${Before} slo=${slo} /></dd></div>
      </dl></div>
    ${notes ? html`<p class="card-note">${notes}</p>` : null}
    ${own ? null : html`<p class="card-note">Burn rates and pairs of windows are of now, and shown with <a href=${route.value.path + query({ window: null, month: null })}>its own window</a>.</p>`}<//>`;
}

/** @param {{minutes: number | null}} props */
const Minutes = ({ minutes }) => html`<${Figure}>${isUnknown(minutes) ? '—' : minutes ? span(Number(minutes) * 60) : 'none'}<//>`;

/** How the window before went, and what has changed. @param {{slo: any}} props */
function Before({ slo }) {
  const was = slo.previous.achieved_performance;
  if (isUnknown(was)) return html`<span class="quiet">no events</span>`;
  const change = isUnknown(slo.achieved_performance) ? null : slo.achieved_performance - was;
  const word = change === null ? '' : Math.abs(change) < 1e-9 ? 'the same' : change > 0 ? 'better now' : 'worse now';
  return html`${exactPercent(was, slo.slo_target)} <span class="quiet small">${word}</span>`;
}
