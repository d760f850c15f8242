// @ts-check
/**
 * The price book: what waits for a price, what models cost and why, prices set here, and pricing anew what stands in the ledger.
 *
 * Given: `from` and `to` (of the calls), `show`, `find`, `provider`, `sel`, `edit`, `f` and `run` of the URL. Gives: four cards and their forms.
 * Never: a line of the ledger changed before the sums were said, or a control hidden because it is not allowed.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { count, instant, plural, whole } from '../format.js';
import { link, params, rangeOr, setParams, spell } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { NotAllowed, isAdmin, refusal } from '../parts/form.js';
import { Later } from '../parts/later.js';
import { CostPlaces } from '../parts/places.js';
import { toast } from '../parts/toast.js';
import { formatFilter } from '../filters.js';
import { reasonOf } from '../trace/price-words.js';
import { begin } from '../prices/runs.js';
import { RANGE, keyOf, usedWords } from '../prices/words.js';
import { Book } from './price-book.js';
import { Reprice } from './reprice.js';

export const name = 'Price book';
export const title = html`<a href="/costs">Costs</a> <span>/ Price book</span>`;
export const styles = '/assets/pages/accounts.css';
export const range = RANGE;

/** The form that sets a price, fetched when it is opened. */
const PRICE_FORM = { load: () => import('./price-form.js'), part: 'PriceForm' };

/** The calls that are looked at: `from` and `to` as a query. @param {Record<string, string>} [more] */
const asked = (more = {}) => spell(new URLSearchParams({ ...rangeOr(range), ...more }));

export function View() {
  const missing = useLoad(`/api/v1/prices/missing${asked()}`, { every: 60_000, subject: asked() });
  const used = useLoad(`/api/v1/prices/used${asked()}`, { every: 60_000, subject: asked() });
  const edit = params.value.get('edit');
  const changed = () => { missing.reload(); used.reload(); };
  return html`<div class="page accounts-page"><${CostPlaces} />
    <div class="bar"><${NotAllowed} what="Changing prices" /><span class="bar-end">
      <button class="button" disabled=${!isAdmin()} title=${refusal()} aria-expanded=${edit === 'file'} onClick=${() => setParams({ edit: edit === 'file' ? null : 'file' })}>Prices from a file</button>
      <button class="button primary" disabled=${!isAdmin()} title=${refusal()} onClick=${() => setParams({ edit: 'new' })}><${Icon} name="plus" />Add a model</button></span></div>
    ${edit === 'new' && isAdmin() ? html`<${Card} title="Add a model" sub="a price for a model that has none, or another one from a moment on"><${Later} ...${PRICE_FORM} key="new" done=${changed} /><//>` : null}
    ${edit === 'file' && isAdmin() ? html`<${Later} load=${() => import('./price-file.js')} part="PriceFile" done=${changed} />` : null}
    <${Missing} load=${missing} silent=${used.data?.items.length === 0} changed=${changed} />
    <${Book} used=${used} changed=${changed} />
    <${Reprice} changed=${changed} />
  </div>`;
}

/** @param {{load: import('../api.js').Load, silent: boolean, changed: () => void}} props silent: no call came at all */
function Missing({ load, silent, changed }) {
  return html`<${Card} title="Without a price" sub="calls that are counted, and left out of every total" busy=${load.busy} id="missing"><${Faces} load=${load} what="calls without a price">${(/** @type {any} */ data) => (data.items.length ? html`<table class="table cards-narrow missing-table">
      <thead><tr><th scope="col">Model</th><th scope="col">Why</th><th scope="col" class="num">Calls</th><th scope="col" class="num">Used</th><th scope="col" class="num wide-cell">Last</th><th scope="col"><span class="hidden-text">What helps</span></th></tr></thead>
      <tbody>${data.items.map((/** @type {any} */ row) => html`<${Waiting} key=${`${keyOf(row)} ${row.reason}`} row=${row} changed=${changed} />`)}</tbody></table>
      ${data.more ? html`<p class="card-note">And ${plural(data.more, 'more model')}; those with the most calls stand here.</p>` : null}`
    : html`<${Empty} title=${silent ? 'No call came in this range.' : 'Every call of this range has a price.'} />`)}<//><//>`;
}

/** @param {{row: any, changed: () => void}} props */
function Waiting({ row, changed }) {
  const key = `price ${keyOf(row)}`;
  const open = params.value.get('edit') === key && isAdmin();
  const anew = () => begin({ from: row.first_at, to: 'now', filters: [formatFilter({ key: 'model', op: ':', value: row.model, negated: false })] }, false).catch((problem) => toast(problem.message));
  const lines = link('/costs', { tab: 'ledger', f: [formatFilter({ key: 'model', op: ':', value: row.model ?? '', negated: false }), 'state:unpriced'], ...rangeOr(range) }, ['tz']);
  return html`<tr><td class="cell-name"><a href=${lines} title=${row.model}>${row.model || 'no model named'}</a> <span class="quiet">${row.provider}</span></td>
      <td class="cell-sub why-cell">${row.has_price_now ? html`<span class="chip ok"><${Icon} name="tick" />Has a price now</span>` : reasonOf(row.reason)}</td>
      <td class="num cell-figure"><span class="wide-only">${whole(row.calls)}</span><span class="narrow-only">${plural(row.calls, 'call')}</span></td><td class="num cell-when">${usedWords(row, count)}</td>
      <td class="num wide-cell quiet"><${Ago} ms=${instant(row.last_at)} /></td>
      <td class="num cell-act">${row.has_price_now ? html`<button class="button primary" disabled=${!isAdmin()} title=${refusal()} aria-label=${`Price them anew: ${row.model}`} onClick=${anew}>Price them anew</button>`
        : row.model ? html`<button class="button" disabled=${!isAdmin()} title=${refusal()} aria-expanded=${open} aria-label=${`Price it: ${row.model}`} onClick=${() => setParams({ edit: open ? null : key })}>Price it</button>` : null}</td></tr>
    ${open ? html`<tr class="form-row"><td colspan="6"><${Later} ...${PRICE_FORM} key=${key} price=${{ provider: row.provider, model: row.model }} audio=${row.audio_seconds !== null} done=${changed} /></td></tr>` : null}`;
}
