// @ts-check
/**
 * Traces: find the request that explains a symptom.
 *
 * Given: range, filters, text and sort of the URL. Gives: histogram, facets, list; each row leads to its trace, or, where a
 * second one is picked (`compare`), to the comparison. The list is asked apart: it is there before everything is counted.
 * Never: rows pushed into the list while someone reads it.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, useLoad } from '../api.js';
import { clock, day, minute, plural, whole } from '../format.js';
import { standFor } from '../estimate.js';
import { formatFilter, parseLine } from '../filters.js';
import { outcome } from '../status.js';
import { filters, link, navigate, params, rangeOr, setFilters, setParams, spell, zone } from '../url.js';
import { absoluteRange, isRelative, label, resolve } from '../time.js';
import { Card, Empty, Faces, FirstSteps } from '../parts/card.js';
import { FilterChips } from '../parts/filters.js';
import { Views } from '../parts/views.js';
import { ChartCard } from '../charts/frame.js';
import { Bars } from '../charts/bars.js';
import { Later } from '../parts/later.js';
import { useMore } from '../parts/more.js';
import { TraceList } from './traces-list.js';

export const title = 'Traces';
export const styles = '/assets/pages/traces.css';
export const range = 'now-1h';
const FILTER_KEYS = ['service', 'status', 'model', 'duration', 'cost', 'name', 'operation', 'provider', 'feature', 'user_id', 'user_tier', 'session_id', 'tenant', 'route', 'kind', 'state'];
const SORTS = ['-start', 'start', '-duration', 'duration', '-cost', 'cost'];
const PAGE = 50;
const MORE = 250;
const LOOK_AGAIN_MS = 10_000;
const ROWS = { totals: 'false' };
const TOTALS = { limit: '0' };

/** @param {Record<string, string>} more */
function address(more) {
  const asked = rangeOr(range);
  const sort = params.value.get('sort') ?? '-start';
  const search = new URLSearchParams({ from: asked.from, to: asked.to, limit: String(PAGE), sort: SORTS.includes(sort) ? sort : '-start' });
  const q = params.value.get('q');
  if (q) search.set('q', q);
  for (const filter of filters.value) search.append('f', formatFilter(filter));
  for (const [key, value] of Object.entries(more)) search.set(key, value);
  return `/api/v1/traces${spell(search)}`;
}

export function View() {
  const url = address(ROWS);
  const load = useLoad(url);
  const overview = useLoad(address(TOTALS));
  const both = { ...load, reload: () => { load.reload(); overview.reload(); } };
  const more = useMore(url, both, (cursor) => address({ ...ROWS, cursor, limit: String(MORE) }));
  const fresh = useFresh(url, load);
  const choosing = params.value.has('different') || params.value.has('in') || params.value.has('in_from') || params.value.has('in_to');
  const none = load.data ? !load.data.items.length : load.error !== null;
  return html`<div class="page traces-page">
    <${SearchBar} /><${Picking} /><div class="bar"><${FilterChips} keys=${FILTER_KEYS} /><span class="bar-end"><button class="button" onClick=${editAsSql} title="The same search as a statement in Query"><${Icon} name="table" />Edit as SQL</button><${Views} /></span></div>
    ${none ? null : html`<${Faces} load=${overview} what="the overview" boxed=${true} blank=${html`<div class="card blank histogram-blank"></div>`}>${(/** @type {any} */ data) => (data.matched && data.histogram?.length ? html`<${Histogram} data=${data} busy=${overview.busy} choosing=${choosing} />` : null)}<//>`}
    ${choosing && load.data ? html`<${Later} load=${() => import('./traces-different.js')} part="Different" question=${new URLSearchParams(address({}).split('?')[1])} />` : null}
    <${Faces} load=${load} what="traces" boxed=${true} blank=${html`<div class="card blank list-blank"></div>`}>${(/** @type {any} */ data) => html`<div class="traces-body">
        ${none || overview.error ? null : html`<${Facets} facets=${overview.data?.facets} />`}
        <${Card} title="Traces" sub=${html`<${Matches} load=${load} overview=${overview} />`} busy=${load.busy || more.busy}
          actions=${fresh ? html`<button class="button primary new-pill" onClick=${more.reload}>${fresh} new</button>` : null}>
          ${none ? html`<${Nothing} />` : html`<${TraceList} items=${[...data.items, ...more.extra]} />`}
          ${more.cursor ? html`<p class="more"><button class="button" disabled=${more.busy} onClick=${more.fetch}>Show more</button></p>` : null}
        <//>
      </div>`}<//>
  </div>`;
}

/** How many traces match; until all are counted, how many are listed. @param {{load: import('../api.js').Load, overview: import('../api.js').Load}} props */
function Matches({ load, overview }) {
  const all = overview.busy || overview.error ? null : overview.data;
  if (all) return html`${all.exact === false ? 'about ' : ''}${plural(all.matched, 'match', 'matches')}<${StandFor} data=${all} />`;
  const { items, next_cursor: next, exact } = load.data;
  return next ? `more than ${plural(items.length, 'match', 'matches')}` : `${exact ? '' : 'at least '}${plural(items.length, 'match', 'matches')}`;
}

/** Leads to Query with the statement that finds the same traces. */
async function editAsSql() {
  const { sqlOf } = await import('../sql.js');
  navigate(link('/query', { sql: sqlOf(filters.value, params.value.get('q') ?? '', params.value.get('sort') ?? '-start'), from: rangeOr(range).from, to: rangeOr(range).to }, ['tz']));
}

/** How many newer traces match since the list was loaded; asked only when the range follows the clock. @param {string} url @param {import('../api.js').Load} load */
function useFresh(url, load) {
  const [fresh, setFresh] = useState(0);
  const following = isRelative(rangeOr(range)) && (params.value.get('sort') ?? '-start') === '-start';
  const newest = load.data?.items[0]?.start ?? null;
  useEffect(() => {
    setFresh(0);
    if (!following || newest === null) return undefined;
    const known = new Set(load.data.items.map((/** @type {any} */ one) => one.trace_id));
    const timer = setInterval(async () => {
      if (document.hidden) return;
      try {
        const page = await request(url);
        setFresh(page.items.filter((/** @type {any} */ one) => one.start >= newest && !known.has(one.trace_id)).length);
      } catch {
        setFresh(0);
      }
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [url, load.at]);
  return fresh >= PAGE ? `${PAGE}+` : fresh;
}

/** What the kept traces stand for, with the way to the reasons. @param {{data: any}} props */
function StandFor({ data }) {
  const text = standFor(data.stand_for, data.matched);
  return text ? html`, <a class="stand-for" href=${link('/settings/sampling', {}, ['tz', 'from', 'to'])}>${text}</a>` : null;
}

/** What the list is for while the second trace of a comparison is looked for. */
function Picking() {
  const first = params.value.get('compare');
  return first ? html`<div class="notice info" role="status"><${Icon} name="traces" /><span>Choose the trace to compare with <code>${first.slice(0, 8)}</code>.</span><button class="button" onClick=${() => setParams({ compare: null })}>Stop</button></div>` : null;
}

function SearchBar() {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState('');
  useEffect(() => {
    if (!params.value.has('focus')) return;
    setParams({ focus: null }, { replace: true });
    field.current?.focus();
  }, []);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (field.current);
    const line = parseLine(input.value);
    setWrong(line.wrong.length ? `Not a filter: ${line.wrong.join(', ')}. Try service:chat-api, status:error, duration>500ms.` : '');
    if (line.wrong.length) return;
    const had = filters.value.map(formatFilter);
    setFilters([...filters.value, ...line.filters.filter((one) => !had.includes(formatFilter(one)))], line.text ? { q: line.text } : {});
    input.value = '';
  };
  return html`<form class="search-bar" role="search" onSubmit=${submit}>
    <${Icon} name="search" />
    <input ref=${field} data-search aria-label="Search traces" aria-describedby="search-error" placeholder="service:chat-api status:error duration>2s or any text" autocomplete="off" spellcheck=${false} />
    <button class="button primary" type="submit">Search</button>
    <p class="field-error" id="search-error" role="status">${wrong}</p>
  </form>`;
}

/** @param {{data: any, busy: boolean, choosing: boolean}} props choosing: what is dragged over is chosen, not narrowed to */
function Histogram({ data, busy, choosing }) {
  const starts = data.histogram.map((/** @type {any} */ one) => Date.parse(one.at));
  const both = resolve(rangeOr(range), Date.now());
  const width = starts.length > 1 ? starts[1] - starts[0] : both ? both.end - both.start : 6e4;
  const time = (/** @type {number} */ ms) => (width >= 20 * 36e5 ? day(ms, zone.value) : width < 6e4 ? clock(ms, zone.value) : minute(ms, zone.value));
  const buckets = data.histogram.map((/** @type {any} */ one, /** @type {number} */ index) => ({
    at: starts[index], end: starts[index] + width, values: [one.errors, one.traces - one.errors], texts: [whole(one.errors), whole(one.traces - one.errors)], title: time(starts[index]),
  }));
  const narrow = (/** @type {number} */ from, /** @type {number} */ to) => {
    const picked = absoluteRange(from, to);
    setParams(choosing ? { in: null, in_from: picked.from, in_to: picked.to } : { ...picked, cursor: null });
  };
  const errors = data.histogram.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.errors, 0);
  return html`<${ChartCard} title="Matches over time" sub=${html`${label(rangeOr(range), Date.now(), zone.value)}<span class="wide-only"> · drag to ${choosing ? 'choose' : 'narrow'}</span>`} class="histogram" actions=${choosing ? null : html`<button class="button" onClick=${() => setParams({ different: '1' })}>What is different?</button>`} busy=${busy}
    legend=${[{ label: 'traces', slot: 8, value: whole(data.matched) }, { label: 'with errors', slot: 9, value: whole(errors) }]}
    table=${() => ({ columns: ['Time', 'Traces', 'With errors'], rows: data.histogram.map((/** @type {any} */ one, /** @type {number} */ index) => [html`<button class="text-button" onClick=${() => narrow(starts[index], starts[index] + width)}>${time(starts[index])}</button>`, whole(one.traces), whole(one.errors)]) })}>
    <${Bars} statement=${`${plural(data.matched, 'trace')} match, ${whole(errors)} with errors`} buckets=${buckets} series=${[{ label: 'with errors', slot: 9 }, { label: 'without', slot: 8, faint: true }]} height=${104} counts=${true} axis=${whole} time=${time} onPick=${narrow} />
  <//>`;
}

const FACETS = /** @type {[string, string][]} */ ([['status', 'Status'], ['service', 'Service'], ['model', 'Model']]);

/** @param {{facets: Record<string, {value: string | null, count: number}[]> | undefined}} props undefined: not counted yet */
function Facets({ facets }) {
  const chosen = new Set(filters.value.map(formatFilter));
  const toggle = (/** @type {string} */ key, /** @type {string | null} */ value) => {
    const filter = { key, op: /** @type {':'} */ (':'), value: value ?? '', negated: false };
    const text = formatFilter(filter);
    setFilters(chosen.has(text) ? filters.value.filter((one) => formatFilter(one) !== text) : [...filters.value, filter]);
  };
  const open = matchMedia('(min-width: 1181px)').matches;
  return html`<details class="card facets" open=${open}><summary><${Icon} name="filter" />Filter by</summary>${FACETS.map(([key, name]) => html`<fieldset key=${key}><legend>${name}</legend>
    ${(facets?.[key] ?? []).slice(0, 12).map((one) => html`<label class="facet" key=${one.value}><input type="checkbox" checked=${chosen.has(`${key}:${one.value ?? ''}`)} onChange=${() => toggle(key, one.value)} /><span>${one.value === null ? 'none' : key === 'status' ? outcome(one.value).word : one.value}</span><em>${whole(one.count)}</em></label>`)}
    ${!facets || facets[key]?.length ? null : html`<p class="quiet small">nothing here</p>`}</fieldset>`)}</details>`;
}

/** No match, with the filter most worth removing; or nothing yet at all. */
function Nothing() {
  const asked = filters.value.map(formatFilter);
  const q = params.value.get('q');
  const [counts, setCounts] = useState(/** @type {Record<string, number>} */ ({}));
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (/** @type {string} */ left) => {
      const search = new URLSearchParams(new URL(address(TOTALS), location.origin).search);
      search.delete('f');
      asked.filter((one) => one !== left).forEach((one) => search.append('f', one));
      const page = await request(`/api/v1/traces${spell(search)}`, { signal: abort.signal });
      setCounts((old) => ({ ...old, [left]: page.matched }));
    };
    asked.slice(0, 4).forEach((one) => { ask(one).catch(() => undefined); });
    return () => abort.abort();
  }, [asked.join()]);
  if (!asked.length && !q) return html`<${Empty} title="No traces in this range yet."><${FirstSteps} /><//>`;
  const best = Object.entries(counts).sort((a, b) => b[1] - a[1])[0];
  return html`<${Empty} title="No traces match these filters.">
    ${best && best[1] > 0 ? html`<button class="button" onClick=${() => setFilters(filters.value.filter((one) => formatFilter(one) !== best[0]))}>Without ${best[0]}: ${plural(best[1], 'trace')}</button>` : null}
    <button class="button" onClick=${() => setFilters([], { q: null })}>Remove all filters</button><//>`;
}
