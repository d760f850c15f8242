// @ts-check
/**
 * Reconcile: a provider's bill held against the ledger; how much of it we saw, and what explains the rest.
 *
 * Given: `sel` (a result) of the URL; a file, or pasted text. Gives: a form, the result by day and model, earlier results.
 * Never: the chosen file lost because the server could not read it, or a bill called right that could not be compared.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { ApiError, request, useLoad } from '../api.js';
import { bytes, instant, money, plural } from '../format.js';
import { link, params, setParams, spell, zone } from '../url.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { Field, Mistakes, NotAllowed, inputOf, isAdmin, refusal, useSending } from '../parts/form.js';
import { CostPlaces } from '../parts/places.js';
import { amountOf, billLook, billMistake, billSearch, sentence } from '../prices/bills.js';
import { differenceWords } from '../prices/words.js';
import { Result } from './reconcile-result.js';

export const name = 'Reconcile';
export const title = html`<a href="/costs">Costs</a> <span>/ Reconcile</span>`;
export const styles = '/assets/pages/accounts.css';

const FORMATS = { '': 'found out by itself', 'openai-costs': 'OpenAI, costs', 'openai-usage': 'OpenAI, usage', 'anthropic-costs': 'Anthropic, costs', 'anthropic-usage': 'Anthropic, usage', 'google-costs': 'Google Cloud, cost table', 'google-bigquery': 'Google Cloud, billing export', 'aws-cur': 'AWS, Cost and Usage Report', plain: 'any CSV or JSON' };
const PROJECTS = { '': 'do not compare projects', service: 'service', feature: 'feature', tenant: 'tenant', user_tier: 'user tier', user_id: 'user', session_id: 'session' };

export function View() {
  const id = params.value.get('sel');
  const list = useLoad('/api/v1/reconcile?limit=50');
  return html`<div class="page accounts-page"><${CostPlaces} />
    ${id ? html`<${Chosen} key=${id} id=${id} />` : null}
    <${Bring} done=${list.reload} />
    <${Card} title="Earlier bills" busy=${list.busy}><${Faces} load=${list} what="earlier bills">${(/** @type {any} */ data) => (data.items.length ? html`<${History} items=${data.items} more=${data.next_cursor !== null} chosen=${id} />` : html`<${Empty} title="No bill was held against the ledger yet."><p class="quiet">Once a month is enough. On the server it goes the same way:</p><${Command} text="spanledger reconcile october.csv" /><//>`)}<//><//></div>`;
}

/** @param {{id: string}} props */
function Chosen({ id }) {
  const load = useLoad(`/api/v1/reconcile/${encodeURIComponent(id)}`);
  return html`<${Faces} load=${load} what="the result" boxed=${true} blank=${html`<div class="card blank head-blank"></div>`}>${(/** @type {any} */ bill) => html`<${Result} bill=${bill} />`}<//>`;
}

/** @param {unknown} problem */
function inWords(problem) {
  if (!(problem instanceof ApiError)) return problem;
  const each = problem.problem.errors ?? (problem.problem.parameter ? [problem.problem] : []);
  return each.length ? new ApiError(problem.status, { ...problem.problem, errors: each.map(billMistake) }, problem.requestId) : problem;
}

/** @param {{done: () => void}} props */
function Bring({ done }) {
  const { form, wrong, busy, send, refuse } = useSending();
  const [file, setFile] = useState(/** @type {File | null} */ (null));
  const [paste, setPaste] = useState(false);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (form.current));
    const text = paste ? String(fields.get('text') ?? '') : '';
    const body = paste ? new Blob([text]) : file;
    if (!body || !body.size) return refuse(paste ? { text: 'Paste the bill here' } : { file: 'Choose a file' });
    if (!fields.get('name') && !paste && file) fields.set('name', file.name.slice(0, 200));
    send(async () => {
      const made = await request(`/api/v1/reconcile${spell(billSearch(fields))}`, { method: 'POST', body }).catch((problem) => { throw inWords(problem); });
      setParams({ sel: made.id });
      scrollTo(0, 0);
      done();
    });
  };
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files[0];
    if (dropped && isAdmin()) { setPaste(false); setFile(dropped); }
  };
  const input = (/** @type {string} */ key, /** @type {Record<string, any>} */ more = {}) => html`<input ...${inputOf(`bill-${key}`, key, wrong)} ...${more} />`;
  const choice = (/** @type {string} */ key, /** @type {Record<string, string>} */ options) => html`<select id=${`bill-${key}`} name=${key} aria-invalid=${Boolean(wrong[key])} aria-describedby=${`bill-${key}-wrong`}>${Object.entries(options).map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select>`;
  return html`<${Card} title="Hold a bill against the ledger" sub="nothing of the bill is kept but the result"><form class="card-form" ref=${form} onSubmit=${submit} noValidate onDragOver=${(/** @type {Event} */ event) => event.preventDefault()} onDrop=${drop}>
    <${NotAllowed} what="Reconciling" />
    <${Mistakes} wrong=${wrong} what="The bill was not read" />
    ${paste ? html`<${Field} id="bill-text" label="The bill’s text" wrong=${wrong.text ?? wrong.file}><textarea ...${inputOf('bill-text', 'text', wrong)} class="mono" rows="7" placeholder=${'date,model,amount\n2026-10-01,gpt-5,12.34'}></textarea><//>`
      : html`<${Field} id="bill-file" label="The provider’s export" help="CSV or JSON, also gzip, as you downloaded it" wrong=${wrong.file}><div class=${`drop${file ? ' has' : ''}`}><input id="bill-file" type="file" name="file" class="hidden-text" disabled=${!isAdmin()} aria-invalid=${Boolean(wrong.file)} aria-describedby="bill-file-wrong bill-file-help" onChange=${(/** @type {any} */ event) => setFile(event.currentTarget.files[0] ?? file)} />
        <label for="bill-file" class="button"><${Icon} name="table" />${file ? 'Choose another' : 'Choose a file'}</label><span class="drop-name">${file ? html`<b>${file.name}</b> <span class="quiet">${bytes(file.size)}</span>` : html`<span class="quiet">or drop it here</span>`}</span></div><//>`}
    <p><button class="text-button" type="button" disabled=${!isAdmin()} onClick=${() => setPaste(!paste)}>${paste ? 'Choose a file instead' : 'Paste it instead'}</button></p>
    <details class="more-fields"><summary>How it is to be read, and with what it is compared</summary><div class="fields">
      <${Field} id="bill-format" label="Format" wrong=${wrong.format}>${choice('format', FORMATS)}<//>
      <${Field} id="bill-provider" label="Only these providers" help="such as openai; empty: by the format" wrong=${wrong.provider}>${input('provider')}<//>
      <${Field} id="bill-columns" label="Columns" help="date=Day, model=Model, amount=Cost" wrong=${wrong.columns}>${input('columns')}<//>
      <${Field} id="bill-tz" label="Time zone of its days" help="empty: its provider’s" wrong=${wrong.tz}>${input('tz', { placeholder: 'UTC' })}<//>
      <${Field} id="bill-project" label="Its projects are, in the ledger" wrong=${wrong.project}>${choice('project', PROJECTS)}<//>
      <${Field} id="bill-decimal" label="Before decimals" wrong=${wrong.decimal}>${choice('decimal', { '': 'found out', '.': 'a point: 1,234.56', ',': 'a comma: 1.234,56' })}<//>
      <${Field} id="bill-dates" label="Dates such as 01/02/2026" wrong=${wrong.dates}>${choice('dates', { '': 'found out', dmy: 'day first', mdy: 'month first' })}<//>
      <${Field} id="bill-duplicates" label="Rows that stand twice" wrong=${wrong.duplicates}>${choice('duplicates', { '': 'by the format', once: 'count once', keep: 'count each time' })}<//>
      <${Field} id="bill-currency_rate" label="Other currencies" help="EUR=1.08: US dollars for one" wrong=${wrong.currency_rate}>${input('currency_rate')}<//>
      <${Field} id="bill-tolerance" label="May differ, %" help="empty: 1" wrong=${wrong.tolerance}>${input('tolerance', { inputmode: 'decimal' })}<//>
      <${Field} id="bill-name" label="Name in the history" help="empty: the file’s" wrong=${wrong.name}>${input('name', { maxlength: 200 })}<//>
    </div></details>
    <div class="bar"><span class="bar-end"><button class="button primary" type="submit" disabled=${busy || !isAdmin()} title=${refusal()}>${busy ? 'Reading the bill …' : 'Compare'}</button></span></div></form><//>`;
}

/** @param {{items: any[], more: boolean, chosen: string | null}} props */
function History({ items, more, chosen }) {
  return html`<table class="table cards-narrow bills-table"><thead><tr><th scope="col">Bill</th><th scope="col">Result</th><th scope="col" class="num wide-cell">Bill</th><th scope="col" class="num wide-cell">Ledger</th><th scope="col" class="num">Difference</th><th scope="col" class="num">When</th></tr></thead>
    <tbody>${items.map((one) => { const say = amountOf(one, money); return html`<tr key=${one.id} class=${`row-link${one.id === chosen ? ' chosen' : ''}`}><td class="cell-name"><a href=${link('/costs/reconcile', { sel: one.id }, ['tz'])}>${one.file ?? one.format}</a> <span class="quiet">${one.from} to ${one.to}</span></td>
      <td class="cell-state"><${Chip} look=${billLook(one.state)} title=${sentence(one)} /></td><td class="num wide-cell">${say(one.bill)}</td><td class="num wide-cell">${say(one.ledger)}</td><td class="num cell-figure">${one.compared === 'cost' ? differenceWords(one.difference) : say(one.difference)}</td><td class="num quiet cell-when"><${Ago} ms=${instant(one.at)} /></td></tr>`; })}</tbody></table>
    <p class="card-note">${more ? 'The newest ' : ''}${plural(items.length, 'bill')}, by ${zone.value} time. A result is kept; the bill is not.</p>`;
}
