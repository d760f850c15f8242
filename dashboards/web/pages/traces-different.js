// @ts-check
/**
 * "What is different?": which values the chosen traces have more often, or less, than the others in sight.
 *
 * Given: the choice in the URL (`in`, `in_from`, `in_to`) and the question that the list asks. Gives: ways to choose, a bar
 * pair for each value that differs, each leading to its traces. Never: a difference that chance would explain as well.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { UNKNOWN, clock, instant, milliseconds, money, percent, plural, whole } from '../format.js';
import { KEYS, formatFilter } from '../filters.js';
import { filters, params, setFilters, setParams, zone } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Legend } from '../charts/frame.js';
import { Bars } from '../charts/bars.js';

const CHOICES = [['status:error', 'Failed'], ['duration>p90', 'Slowest 10 %'], ['cost>p90', 'Costliest 10 %']];
const NAMES = /** @type {Record<string, string>} */ ({ ...KEYS, name: 'Span', error_type: 'Error', http_status: 'HTTP status', version: 'Version' });
const UNFILTERED = new Set(['error_type', 'http_status', 'version']);
const HOUR = 36e5;

/** Closes it. */
const NOTHING = { different: null, in: null, in_from: null, in_to: null };

/** @param {{question: URLSearchParams}} props what the list asks, without its page */
export function Different({ question }) {
  const chosen = params.value.getAll('in');
  const [from, to] = [params.value.get('in_from'), params.value.get('in_to')];
  const asked = new URLSearchParams(question);
  for (const key of ['limit', 'sort', 'cursor']) asked.delete(key);
  for (const one of chosen) asked.append('in', one);
  if (from) asked.set('in_from', from);
  if (to) asked.set('in_to', to);
  const some = chosen.length > 0 || from !== null || to !== null;
  const load = useLoad(some ? `/api/v1/traces/differences?${asked}` : null, { subject: `${chosen} ${from} ${to}` });
  const choose = (/** @type {string} */ text) => setParams({ in: chosen.includes(text) ? null : text, in_from: null, in_to: null });
  return html`<${Card} title="What is different?" class="different" sub="choose some traces: a kind, or drag over the time or the durations" busy=${some && load.busy}
      actions=${html`<button class="icon-button" aria-label="Close" onClick=${() => setParams(NOTHING)}><${Icon} name="cross" /></button>`}>
    <div class="different-choice"><div class="segments" role="group" aria-label="Which traces">${CHOICES.map(([text, name]) => html`<button key=${text} aria-pressed=${chosen.includes(text)} onClick=${() => choose(text)}>${name}</button>`)}</div>
      ${from || to ? html`<button class="filter-chip" onClick=${() => setParams({ in_from: null, in_to: null })} aria-label="Choose no time"><span>began ${from ? clock(instant(from), zone.value) : '…'} – ${to ? clock(instant(to), zone.value) : 'now'}</span><${Icon} name="cross" /></button>` : null}
      ${chosen.filter((text) => !CHOICES.some(([known]) => known === text)).map((text) => html`<button key=${text} class="filter-chip" onClick=${() => setParams({ in: chosen.filter((one) => one !== text) })} aria-label=${`Do not choose by ${text}`}><span>${text}</span><${Icon} name="cross" /></button>`)}</div>
    ${some ? html`<${Faces} load=${load} what="the differences">${(/** @type {any} */ data) => html`<${Found} data=${data} />`}<//>` : null}<//>`;
}

/** @param {{data: any}} props */
function Found({ data }) {
  const { inside, outside, bounds } = data;
  const over = [bounds.duration_ms === null ? '' : `longer than ${milliseconds(bounds.duration_ms)}`, bounds.cost_usd === null ? '' : `dearer than ${money(bounds.cost_usd)}`].filter(Boolean).join(', ');
  return html`<div class="different-body"><div><p class="face-note">${plural(inside.traces, 'trace')} chosen${over ? ` (${over})` : ''}, beside ${plural(outside.traces, 'other')}${data.exact ? '' : '; only the newest part of this time was looked at'}.</p>
      ${data.items.length ? html`<${Legend} keys=${[{ label: 'of the chosen', slot: 2 }, { label: 'of the others', slot: 1 }]} /><ol class="different-list">${data.items.map((/** @type {any} */ one) => html`<${Value} key=${`${one.key} ${one.value}`} one=${one} />`)}</ol>
        <p class="face-note">${whole(data.compared)} values were compared; the others differ no more than chance explains.</p>` : html`<${Nothing} data=${data} />`}</div>
    <${Durations} rows=${data.durations} /></div>`;
}

/** @param {{data: any}} props */
function Nothing({ data }) {
  const why = !data.inside.traces ? 'No trace in sight is one of these.' : !data.outside.traces ? 'All traces in sight are among these: there is nothing to compare with.' : `${plural(data.compared, 'value')} compared: none differs more than chance explains.`;
  return html`<${Empty} title=${why} />`;
}

/** @param {{one: any}} props */
function Value({ one }) {
  const filter = { key: one.key, op: /** @type {':'} */ (':'), value: one.value, negated: false };
  const text = `${percent(one.inside.share)} against ${percent(one.outside.share)}`;
  const add = () => setFilters([...filters.value, filter]);
  const name = html`<span class="quiet">${NAMES[one.key] ?? one.key}</span> <b>${one.value}</b>`;
  const there = filters.value.some((each) => formatFilter(each) === formatFilter(filter));
  return html`<li title=${`${whole(one.inside.traces)} of the chosen and ${whole(one.outside.traces)} of the others; chance ${one.chance < 1e-4 ? 'under 0.01 %' : percent(one.chance)}`}>
    ${UNFILTERED.has(one.key) || there ? html`<span class="different-name">${name}</span>` : html`<button class="text-button different-name" onClick=${add}>${name}</button>`}
    <span class="pair" aria-hidden="true"><i class="slot2" style=${{ width: `${100 * one.inside.share}%` }}></i><i class="slot1" style=${{ width: `${100 * one.outside.share}%` }}></i></span><span class="num">${text}</span></li>`;
}

/** How long the traces took, to drag over. @param {{rows: any[]}} props */
function Durations({ rows }) {
  if (!rows.length) return null;
  const all = [];
  for (const row of rows) { // steps in which no trace lies are there all the same
    for (let from = all.at(-1)?.to_ms; from && row.from_ms / from > 1.2; from = all.at(-1)?.to_ms) all.push({ from_ms: from, to_ms: from * 10 ** 0.25, traces: 0, inside: 0 });
    all.push(row);
  }
  const place = (/** @type {number} */ index) => (index + 1) * HOUR;
  const buckets = all.map((row, index) => ({ at: place(index), end: place(index + 1), values: [row.inside, row.traces - row.inside], texts: [whole(row.inside), whole(row.traces - row.inside)], title: `${milliseconds(row.from_ms)} to ${milliseconds(row.to_ms)}` }));
  const ms = (/** @type {number} */ edge) => all[edge / HOUR - 1]?.from_ms ?? all.at(-1)?.to_ms;
  const pick = (/** @type {number} */ from, /** @type {number} */ to) => setParams({ in: [`duration>=${Math.round(ms(from) * 1e6)}ns`, `duration<${Math.round(ms(to) * 1e6)}ns`], in_from: null, in_to: null });
  return html`<div class="different-durations"><p class="face-note">How long they took</p>
    <${Bars} statement=${`How long the traces took: ${rows.map((row) => `${milliseconds(row.from_ms)} ${row.traces}`).join(', ')}`} buckets=${buckets} series=${[{ label: 'chosen', slot: 2 }, { label: 'others', slot: 1, faint: true }]} height=${150} counts=${true} axis=${whole}
      time=${(/** @type {number} */ at) => milliseconds(ms(at)) ?? UNKNOWN} onPick=${pick} /></div>`;
}
