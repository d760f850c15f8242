// @ts-check
/**
 * Pricing lines anew: what would change, line by line and in sum; the change itself, after it was said; how far it is; earlier runs.
 *
 * Given: `from`, `to`, `f` and `run` of the URL. Gives: a dry run, the run that was asked for, earlier ones. Never: a run that corrects unless it was asked to.
 */
import { html } from '../html.js';
import { useAsking, useLoad } from '../api.js';
import { instant, plural, shortDateTime, whole } from '../format.js';
import { label } from '../time.js';
import { params, rangeOr, setParams, zone } from '../url.js';
import { Card } from '../parts/card.js';
import { FilterChips } from '../parts/filters.js';
import { isAdmin, refusal } from '../parts/form.js';
import { Later } from '../parts/later.js';
import { begin, runLook } from '../prices/runs.js';
import { RANGE, sumWords } from '../prices/words.js';

const FILTER_KEYS = ['model', 'provider', 'service', 'feature', 'user_tier', 'tenant', 'state'];

/** @param {{changed: () => void}} props called when lines were corrected */
export function Reprice({ changed }) {
  const id = params.value.get('run');
  const { wrong, busy, ask } = useAsking();
  const earlier = useLoad('/api/v1/reprice?limit=8', { every: 30_000 });
  const asked = rangeOr(RANGE);
  const dry = () => ask(async () => {
    await begin({ ...asked, filters: params.value.getAll('f') }, false);
    earlier.reload();
  });
  return html`<${Card} title="Price lines anew" sub="what stands in the ledger keeps its price until somebody asks for this" id="reprice">
    <div class="card-form reprice-ask"><div class="bar"><span>Calls of: <b>${label(asked, Date.now(), zone.value)}</b></span><${FilterChips} keys=${FILTER_KEYS} /><span class="bar-end"><button class="button" disabled=${!isAdmin() || busy} title=${refusal()} onClick=${dry}>${busy ? 'Looking …' : 'See what would change'}</button></span></div>
      <p class="field-error" role="alert">${wrong}</p></div>
    ${id ? html`<${Later} load=${() => import('./reprice-run.js')} part="Run" key=${id} id=${id} ended=${(/** @type {any} */ run) => { earlier.reload(); if (run.apply) changed(); }} />` : null}
    <${Earlier} load=${earlier} id=${id} /><//>`;
}

/** @param {{load: import('../api.js').Load, id: string | null}} props */
function Earlier({ load, id }) {
  const items = (load.data?.items ?? []).filter((/** @type {any} */ run) => run.run !== id);
  if (!items.length) return null;
  return html`<h3 class="card-sub">Earlier runs</h3><ul class="runs">${items.map((/** @type {any} */ run) => html`<li key=${run.run}><button class="text-button" onClick=${() => setParams({ run: run.run })}>${run.apply ? 'Correction' : 'Dry run'}, ${shortDateTime(instant(run.started_at), zone.value)}</button>
    <span class="quiet small">${whole(run.changed)} of ${plural(run.lines, 'line')} · ${sumWords(run.old_total)} → ${sumWords(run.new_total)}${run.filters.length ? ` · ${run.filters.join(', ')}` : ''} · ${runLook(run.state).word.toLowerCase()}</span></li>`)}</ul>`;
}
