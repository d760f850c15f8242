// @ts-check
/** One run: its progress, its sums by model, the correction once its sum was said, and what single lines said before. Never: lines corrected by one press. */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { request, useLoad } from '../api.js';
import { absolute, exactMoney, instant, isUnknown, percent, plural, shortDateTime, whole } from '../format.js';
import { link, zone } from '../url.js';
import { Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { Twice, isAdmin, refusal } from '../parts/form.js';
import { begin, runLook } from '../prices/runs.js';
import { differenceWords, keyOf, runWords, sumWords } from '../prices/words.js';

/** @param {{id: string, ended: (run: any) => void}} props */
export function Run({ id, ended }) {
  const [running, setRunning] = useState(true);
  const load = useLoad(`/api/v1/reprice/${encodeURIComponent(id)}`, { every: running ? 700 : 0 });
  const state = load.data?.state;
  useEffect(() => { if (state && state !== 'running') { setRunning(false); ended(load.data); } }, [state]);
  useEffect(() => { document.getElementById('run')?.scrollIntoView({ block: 'nearest' }); }, [Boolean(load.data)]);
  return html`<div class="run" id="run" role="region" aria-label="The run"><${Faces} load=${load} what="the run">${(/** @type {any} */ run) => html`<${Told} run=${run} reload=${load.reload} />`}<//></div>`;
}

/** @param {{run: any, reload: () => void}} props */
function Told({ run, reload }) {
  const share = run.lines ? run.done / run.lines : run.state === 'running' ? 0 : 1;
  const unknown = isUnknown(run.old_total) && isUnknown(run.new_total);
  const cancel = async () => { await request(`/api/v1/reprice/${run.run}`, { method: 'DELETE' }); reload(); };
  return html`<p class="run-head"><${Chip} look=${runLook(run.state)} /><b>${run.apply ? 'Correction' : 'Dry run'}</b><span class="quiet small">${shortDateTime(instant(run.from), zone.value)} – ${shortDateTime(instant(run.to), zone.value)}${run.filters.length ? `, ${run.filters.join(', ')}` : ''} · <span title=${run.prices}>by ${run.started_by}</span> <${Ago} ms=${instant(run.started_at)} /></span></p>
    ${run.state === 'running' ? html`<div class="run-progress"><span class="meter" role="progressbar" aria-label="Lines looked at" aria-valuemin="0" aria-valuemax=${run.lines} aria-valuenow=${run.done}><i class="slot1" style=${{ width: `${share * 100}%` }}></i></span><span class="small">${percent(share)}</span><${Twice} label="Cancel …" sure=${run.apply ? 'What is corrected stays corrected.' : ''} yes="Cancel it" no="Go on" disabled=${!isAdmin()} title=${refusal()} deed=${cancel} /></div>` : null}
    ${unknown ? null : html`<p class="run-sums"><span class="huge" title=${exactMoney(run.old_total)}>${sumWords(run.old_total)}</span><span aria-hidden="true">→</span><span class="hidden-text">becomes</span><span class="huge" title=${exactMoney(run.new_total)}>${sumWords(run.new_total)}</span><span class="run-difference" title=${exactMoney(run.difference)}>${differenceWords(run.difference)}</span></p>`}
    <p class="run-words" role="status">${runWords(run)}${run.reason ? ` ${run.reason}.` : ''}</p>
    <${Models} run=${run} />
    ${run.apply ? html`<${Corrections} run=${run} />` : html`<${Apply} run=${run} />`}`;
}

/** @param {{run: any}} props */
function Models({ run }) {
  const changing = run.models.filter((/** @type {any} */ row) => row.changed);
  const same = run.models.length - changing.length;
  if (!changing.length) return null;
  return html`<table class="table cards-narrow run-table"><thead><tr><th scope="col">Model</th><th scope="col" class="num wide-cell">Lines</th><th scope="col" class="num">Change</th><th scope="col" class="num">Before</th><th scope="col" class="num">After</th><th scope="col" class="num wide-cell">Difference</th></tr></thead>
    <tbody>${changing.map((/** @type {any} */ row) => html`<tr key=${keyOf(row)}><td class="cell-name" title=${row.model}>${row.model || 'no model named'} <span class="quiet">${row.provider}</span></td><td class="num wide-cell">${whole(row.lines)}</td><td class="num cell-sub">${whole(row.changed)}<span class="narrow-only"> of ${whole(row.lines)} change</span></td>
      <td class="num cell-figure2" title=${exactMoney(row.old_total)}><span class="narrow-only">was </span>${sumWords(row.old_total)}</td><td class="num cell-figure" title=${exactMoney(row.new_total)}>${sumWords(row.new_total)}</td><td class="num wide-cell" title=${exactMoney(row.difference)}>${differenceWords(row.difference)}</td></tr>`)}</tbody></table>
    ${run.more_models ? html`<p class="card-note">And ${plural(run.more_models, 'more model')}; those that change most stand here.</p>` : same ? html`<p class="card-note">${plural(same, 'other model')} ${run.apply ? 'stay' : 'would stay'} as ${same === 1 ? 'it is' : 'they are'}.</p>` : null}`;
}

/** @param {{run: any}} props */
function Apply({ run }) {
  if (run.state !== 'done') return null;
  if (!run.changed) return html`<p class="run-act quiet">Nothing to correct: every line has the price that the book says.</p>`;
  const sums = isUnknown(run.old_total) ? `a price: ${sumWords(run.new_total)} in all` : `another price: ${sumWords(run.old_total)} becomes ${sumWords(run.new_total)} (${differenceWords(run.difference)})`;
  const sure = `${plural(run.changed, 'line')} of the ledger ${run.changed === 1 ? 'gets' : 'get'} ${sums}. Totals, budgets and objectives follow; what the lines said before is kept.`;
  return html`<div class="run-act"><${Twice} label=${`Correct ${plural(run.changed, 'line')} …`} sure=${sure} yes=${`Correct ${plural(run.changed, 'line')}`} no="Not now" danger=${false} disabled=${!isAdmin()} title=${refusal()} deed=${() => begin({ from: run.from, to: run.to, filters: run.filters, prices: run.prices }, true)} /></div>`;
}

/** What single lines said before. @param {{run: any}} props */
function Corrections({ run }) {
  const [open, setOpen] = useState(false);
  const load = useLoad(open ? `/api/v1/reprice/${run.run}/corrections?limit=50` : null);
  if (!run.changed) return null;
  return html`<div class="run-act"><button class="button" aria-expanded=${open} onClick=${() => setOpen(!open)}>What single lines said before</button></div>
    ${open ? html`<${Faces} load=${load} what="the corrections">${(/** @type {any} */ data) => html`<table class="table cards-narrow"><thead><tr><th scope="col">Call</th><th scope="col" class="num">When</th><th scope="col" class="num">Before</th><th scope="col" class="num">After</th></tr></thead>
      <tbody>${data.items.map((/** @type {any} */ one) => html`<tr key=${one.trace_id + one.span_id}><td class="cell-name"><a href=${link(`/traces/${one.trace_id}`, { sel: one.span_id }, ['tz'])}>${one.model}</a> <span class="quiet">${one.service}</span></td><td class="num cell-sub" title=${absolute(instant(one.at), zone.value)}>${shortDateTime(instant(one.at), zone.value)}</td><td class="num cell-figure2" title=${exactMoney(one.before.cost_usd)}>${sumWords(one.before.cost_usd)}</td><td class="num cell-figure" title=${exactMoney(one.after.cost_usd)}>${sumWords(one.after.cost_usd)}</td></tr>`)}</tbody></table>
      ${data.next_cursor ? html`<p class="card-note">The newest 50; all of them are in the view <code>ledger_corrections</code>.</p>` : null}`}<//>` : null}`;
}
