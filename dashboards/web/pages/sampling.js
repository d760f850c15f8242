// @ts-check
/**
 * Sampling: the budget and what is really stored, what the kept requests stand for, whether that agrees with the ledger.
 *
 * Given: `from`, `to` and `sel` (a service) of the URL. Gives: budget, services with their check, the operations of one.
 * Never: an estimate without its interval, or a share of spans that do not say how they were sampled left unsaid.
 */
import { html } from '../html.js';
import { request, useAsking, useLoad } from '../api.js';
import { count, isUnknown, milliseconds, percent, plural, rate, whole } from '../format.js';
import { estimated } from '../estimate.js';
import { look } from '../status.js';
import { params, query, rangeOr, route, spell } from '../url.js';
import { Card, Empty, Faces, FirstSteps } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { SettingPlaces } from '../parts/places.js';
import { NotAllowed, isAdmin } from '../parts/form.js';
import { toast } from '../parts/toast.js';

export const title = 'Settings';
export const name = 'Sampling · Settings';
export const styles = '/assets/pages/accounts.css';
export const range = 'now-1h';
const EVERY_MS = 10_000;
const requests = (/** @type {number} */ value) => count(Math.round(value));

/** @type {Record<string, import('../status.js').Look>} */
const CHECKS = {
  ok: { icon: 'tick', word: 'Agrees', tone: 'ok' },
  outside: { icon: 'triangle', word: 'Disagrees', tone: 'warn' },
};

export function View() {
  const asked = rangeOr(range);
  const load = useLoad(`/api/v1/sampling${spell(new URLSearchParams(asked))}`, { every: EVERY_MS });
  return html`<div class="page sampling-page"><${SettingPlaces} /><${Faces} load=${load} what="the sampling" boxed=${true} blank=${html`<div class="card blank head-blank"></div><div class="card blank list-blank"></div>`}>${(/** @type {any} */ data) => html`
    <${Budget} budget=${data.budget} reload=${load.reload} />
    ${data.services.length ? html`<${Services} services=${data.services} /><${Operations} services=${data.services} />` : html`<${Card} title="Services"><${Empty} title="No requests in this range."><${FirstSteps} /><//><//>`}`}<//></div>`;
}

/** @param {{budget: any, reload: () => void}} props */
function Budget({ budget, reload }) {
  const limit = budget.spans_per_second;
  const busy = budget.pressure < 1;
  const by = budget.source === 'administrator' ? 'set by an administrator' : budget.source === 'setting' ? 'from the setting' : 'none set';
  return html`<${Card} title="Budget" sub="spans a second, all services together"><div class="total"><dl class="figures">
      <div><dt>Budget</dt><dd>${isUnknown(limit) ? 'everything is kept' : `${rate(limit)}/s`} <span class="quiet">${by}</span></dd></div>
      <div><dt>Stored, last minute</dt><dd><${Figure}>${rate(budget.stored_spans_per_second)}<//>${isUnknown(budget.stored_spans_per_second) ? '' : '/s'}</dd></div>
      <div><dt>Uncounted</dt><dd title="spans that do not say how they were sampled"><${Figure}>${percent(budget.uncounted_share)}<//></dd></div>
      <div><dt>Operations never seen</dt><dd>${percent(budget.default_probability)} kept</dd></div>
      ${busy ? html`<div><dt>The server is busy</dt><dd class="crit-text">senders are asked for ${percent(budget.pressure)}</dd></div>` : null}
    </dl></div>${isAdmin() ? html`<${SetBudget} limit=${limit} reload=${reload} />` : html`<p class="card-note"><${NotAllowed} what="Setting the budget" /></p>`}<//>`;
}

/** @param {{limit: number | null, reload: () => void}} props */
function SetBudget({ limit, reload }) {
  const { wrong, ask, refuse } = useAsking();
  const send = (/** @type {string} */ method, /** @type {unknown} */ body) => ask(async () => {
    await request('/api/v1/sampling', { method, body });
    toast('The budget is set; senders follow within two minutes');
    reload();
  });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('budget') ?? '').trim();
    const wanted = Number(text);
    if (!text || !(wanted > 0)) refuse('A number above zero, such as 100.');
    else send('PUT', { budget_spans_per_second: wanted });
  };
  return html`<form class="card-foot budget-form" onSubmit=${submit}>
    <label>Spans a second <input name="budget" inputmode="decimal" autocomplete="off" defaultValue=${limit ?? ''} aria-describedby="budget-error" aria-invalid=${Boolean(wrong)} /></label>
    <button class="button primary" type="submit">Set</button>
    <button class="button" type="button" onClick=${() => send('PUT', { budget_spans_per_second: null })}>Keep everything</button>
    <button class="button" type="button" onClick=${() => send('DELETE', undefined)}>Use the setting</button>
    <p class="field-error" id="budget-error" role="status">${wrong}</p></form>`;
}

/** @param {{services: any[]}} props */
function Services({ services }) {
  return html`<${Card} title="Services" sub="what kept spans stand for, ± where the truth lies 95 times of 100, and whether the ledger agrees">
    <table class="table cards-narrow sampling-table">
      <thead><tr><th scope="col">Service</th><th scope="col">Check</th><th scope="col" class="num wide-cell">Kept</th><th scope="col" class="num">Requests</th><th scope="col" class="num">Uncounted</th></tr></thead>
      <tbody>${services.map((one) => html`<tr key=${one.service} class="row-link">
        <td class="cell-name"><a href=${route.value.path + query({ sel: one.service })} title=${one.service}>${one.service}</a></td>
        <td class="cell-state" title=${one.check?.reason}>${one.check ? html`<${Chip} look=${CHECKS[one.check.state] ?? look('unknown')} /><span class="quiet small wide-only"> ${one.check.reason}</span>` : html`<span class="quiet">nothing to check against</span>`}</td>
        <td class="num wide-cell">${whole(one.kept)}</td>
        <td class="num cell-figure"><${Figure}>${estimated(one.requests, requests)}<//></td>
        <td class="num cell-figure2">${one.uncounted ? percent(one.uncounted_share) : 'none'}</td></tr>`)}</tbody></table><//>`;
}

/** @param {{services: any[]}} props */
function Operations({ services }) {
  const chosen = services.find((one) => one.service === params.value.get('sel')) ?? services[0];
  if (!chosen.operations.length) return null;
  return html`<${Card} title="Operations" sub=${`${chosen.service}${chosen.folded ? `, the busiest; ${plural(chosen.folded, 'more operation')}` : ''}`}>
    <div class="scroll-x" tabindex="0" role="region" aria-label="Operations, table"><table class="table operations-table">
      <thead><tr><th scope="col">Operation</th><th scope="col" class="num">Requests</th><th scope="col" class="num wide-cell">Failed</th><th scope="col" class="num wide-cell">p95</th><th scope="col" class="num wide-cell">Kept</th><th scope="col" class="num">Dropped</th><th scope="col" class="num">To keep</th><th scope="col" class="num wide-cell">Share of spans</th></tr></thead>
      <tbody>${chosen.operations.map((/** @type {any} */ one) => html`<tr key=${one.operation}>
        <td class="cell-cut" title=${one.operation}>${one.operation}</td>
        <td class="num"><${Figure}>${estimated(one.requests, requests)}<//></td>
        <td class="num wide-cell"><${Figure}>${estimated(one.error_ratio, percent)}<//></td>
        <td class="num wide-cell"><${Figure}>${estimated(one.duration_ms.p95, milliseconds)}<//></td>
        <td class="num wide-cell">${whole(one.kept)}</td>
        <td class="num"><${Figure}>${rate(one.dropped_per_second)}<//>${isUnknown(one.dropped_per_second) ? '' : '/s'}</td>
        <td class="num"><${Figure}>${percent(one.probability)}<//></td>
        <td class="num wide-cell"><${Figure}>${percent(one.share)}<//></td></tr>`)}</tbody></table></div><//>`;
}
