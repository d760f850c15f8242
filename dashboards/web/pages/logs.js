// @ts-check
/**
 * Logs: what services wrote, newest first, each record beside its trace.
 *
 * Given: range, filters, text and least severity of the URL. Gives: the list; a record opens in place, and leads to its trace.
 * Never: a record moved under the eyes of whoever reads it; newer ones wait behind a button.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, useLoad } from '../api.js';
import { clock, day, instant, minute, plural, whole } from '../format.js';
import { formatFilter, parseLine } from '../filters.js';
import { logLook } from '../status.js';
import { filters, link, params, rangeOr, setFilters, setParams, spell, zone } from '../url.js';
import { absoluteRange, isRelative, label } from '../time.js';
import { ChartCard } from '../charts/frame.js';
import { Bars } from '../charts/bars.js';
import { Card, Empty, Faces, FirstSteps } from '../parts/card.js';
import { Chip } from '../parts/chip.js';
import { FilterChips } from '../parts/filters.js';
import { useMore } from '../parts/more.js';
import { Views } from '../parts/views.js';

export const title = 'Logs';
export const styles = '/assets/pages/logs.css';
export const range = 'now-1h';
const KEYS = ['service', 'user_id', 'session_id', 'trace_id'];
const SEVERITIES = /** @type {[string, string][]} */ ([['', 'Any'], ['info', 'Info'], ['warn', 'Warning'], ['error', 'Error']]);
const PAGE = 100;
const LOOK_AGAIN_MS = 10_000;

/** @param {Record<string, string>} more */
function address(more = {}) {
  const asked = rangeOr(range);
  const search = new URLSearchParams({ from: asked.from, to: asked.to, limit: String(PAGE) });
  for (const key of ['q', 'severity']) { const value = params.value.get(key); if (value) search.set(key, value); }
  for (const filter of filters.value) search.append('f', formatFilter(filter));
  for (const [key, value] of Object.entries(more)) search.set(key, value);
  return `/api/v1/logs${spell(search)}`;
}

export function View() {
  const url = address({ histogram: 'true' });
  const load = useLoad(url);
  const more = useMore(url, load, (cursor) => address({ cursor }));
  const fresh = useNewer(url, load);
  return html`<div class="page logs-page">
    <${SearchBar} />
    <div class="bar"><${Least} /><${FilterChips} keys=${KEYS} /><span class="bar-end"><${Views} /></span></div>
    ${load.data?.items.length && load.data.histogram ? html`<${OverTime} data=${load.data} busy=${load.busy} />` : null}
    <${Card} title="Records" sub=${label(rangeOr(range), Date.now(), zone.value)} busy=${load.busy || more.busy} actions=${fresh ? html`<button class="button primary new-pill" onClick=${more.reload}>Newer records</button>` : null}>
      <${Faces} load=${load} what="logs" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (data.items.length ? html`
        <ol class="log-list">${[...data.items, ...more.extra].map((one, index) => html`<${Record} key=${`${one.at}${one.span_id}${index}`} one=${one} />`)}</ol>
        ${more.cursor ? html`<p class="more"><button class="button" disabled=${more.busy} onClick=${more.fetch}>Show more</button></p>` : html`<p class="face-note">${plural(data.items.length + more.extra.length, 'record')}, that is all of them.</p>`}` : html`<${Nothing} />`)}<//><//>
  </div>`;
}

/** How many records there are over time, of all pages, by how severe they are. @param {{data: any, busy: boolean}} props */
function OverTime({ data, busy }) {
  const width = data.bar_s * 1000;
  const time = (/** @type {number} */ ms) => (width >= 20 * 36e5 ? day(ms, zone.value) : width < 6e4 ? clock(ms, zone.value) : minute(ms, zone.value));
  const buckets = data.histogram.map((/** @type {any} */ one) => {
    const at = Number(instant(one.at));
    const values = one.records === null ? [null, null, null] : [one.errors, one.warnings, one.records - one.errors - one.warnings];
    return { at, end: at + width, values, texts: values.map((value) => (value === null ? 'deleted' : whole(value))), title: time(at) };
  });
  const sum = (/** @type {string} */ key) => data.histogram.reduce((/** @type {number} */ all, /** @type {any} */ one) => all + (one[key] ?? 0), 0);
  const narrow = (/** @type {number} */ from, /** @type {number} */ to) => setParams({ ...absoluteRange(from, to), cursor: null });
  const said = `${plural(sum('records'), 'record')}, ${plural(sum('errors'), 'error')}, ${plural(sum('warnings'), 'warning')}`;
  return html`<${ChartCard} title="Records over time" sub=${html`${label(rangeOr(range), Date.now(), zone.value)}<span class="wide-only"> · drag to narrow</span>`} class="histogram" busy=${busy}
    legend=${[{ label: 'others', slot: 8, value: whole(sum('records') - sum('errors') - sum('warnings')) }, { label: 'warnings', slot: 2, value: whole(sum('warnings')) }, { label: 'errors', slot: 9, value: whole(sum('errors')) }]}
    table=${() => ({ columns: ['Time', 'Records', 'Warnings', 'Errors'], rows: data.histogram.map((/** @type {any} */ one, /** @type {number} */ index) => [html`<button class="text-button" onClick=${() => narrow(buckets[index].at, buckets[index].end)}>${time(buckets[index].at)}</button>`, whole(one.records), whole(one.warnings), whole(one.errors)]) })}>
    <${Bars} statement=${said} buckets=${buckets} series=${[{ label: 'errors', slot: 9 }, { label: 'warnings', slot: 2 }, { label: 'others', slot: 8, faint: true }]} height=${104} counts=${true} axis=${whole} time=${time} onPick=${narrow} /><//>`;
}

/** Whether newer records came since the list was loaded; asked only where the range follows the clock. @param {string} url @param {import('../api.js').Load} load */
function useNewer(url, load) {
  const [fresh, setFresh] = useState(false);
  const newest = load.data?.items[0]?.at ?? '';
  useEffect(() => {
    setFresh(false);
    if (!isRelative(rangeOr(range)) || !load.data) return undefined;
    const timer = setInterval(async () => {
      if (document.hidden) return;
      const page = await request(address({ limit: '1' })).catch(() => null);
      setFresh(Boolean(page?.items.length && page.items[0].at > newest));
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [url, load.at]);
  return fresh;
}

function Least() {
  const chosen = params.value.get('severity') ?? '';
  return html`<div class="segments" role="group" aria-label="At least as severe as">${SEVERITIES.map(([key, text]) => html`<button key=${key} aria-pressed=${key === chosen} onClick=${() => setParams({ severity: key || null, cursor: null })}>${text}</button>`)}</div>`;
}

function SearchBar() {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState('');
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (field.current);
    const line = parseLine(input.value);
    const strange = [...line.wrong, ...line.filters.filter((one) => !KEYS.includes(one.key)).map(formatFilter)];
    setWrong(strange.length ? `Not a filter of logs: ${strange.join(', ')}. Try service:chat-api or any text.` : '');
    if (strange.length) return;
    const had = filters.value.map(formatFilter);
    setFilters([...filters.value, ...line.filters.filter((one) => !had.includes(formatFilter(one)))], line.text ? { q: line.text } : {});
    input.value = '';
  };
  return html`<form class="search-bar" role="search" onSubmit=${submit}><${Icon} name="search" />
    <input ref=${field} data-search aria-label="Search logs" aria-describedby="log-search-error" placeholder="service:chat-api or any text" autocomplete="off" spellcheck=${false} />
    <button class="button primary" type="submit">Search</button><p class="field-error" id="log-search-error" role="status">${wrong}</p></form>`;
}

/** @param {{one: any}} props */
function Record({ one }) {
  const [open, setOpen] = useState(false);
  const at = Number(instant(one.at));
  const body = one.body === null ? one.event_name ?? 'no text' : typeof one.body === 'string' ? one.body : JSON.stringify(one.body);
  const attributes = Object.entries(one.attributes ?? {});
  return html`<li class=${open ? 'open' : ''}>
    <button class="log-line" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      <time class="mono quiet" datetime=${one.at} title=${one.at}>${clock(at, zone.value)}</time><${Chip} look=${logLook(one.severity, one.severity_text)} plain=${true} /><span class="log-service">${one.service ?? 'unknown'}</span><span class="log-body">${body}</span></button>
    ${open ? html`<div class="log-detail">
      <pre tabindex="0">${body}</pre>
      <dl class="pairs">${[['Time', one.at], ['Event', one.event_name], ['User', one.user_id], ['Session', one.session_id], ...attributes].filter(([, value]) => value !== null && value !== undefined).map(([key, value]) => html`<div key=${key}><dt>${key}</dt><dd class="mono">${typeof value === 'string' ? value : JSON.stringify(value)}</dd></div>`)}</dl>
      ${one.trace_id ? html`<p><a class="button" href=${link(`/traces/${one.trace_id}`, { sel: one.span_id }, ['tz'])}>Open the trace</a></p>` : html`<p class="quiet small">Written outside of any trace.</p>`}</div>` : null}</li>`;
}

function Nothing() {
  const asked = filters.value.length || params.value.get('q') || params.value.get('severity');
  if (asked) return html`<${Empty} title="No records match."><button class="button" onClick=${() => setFilters([], { q: null, severity: null })}>Remove all filters</button><//>`;
  return html`<${Empty} title="No log records in this range yet."><${FirstSteps} /><//>`;
}
