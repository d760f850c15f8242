// @ts-check
/** The tables of Audio: by stage and so on, problems, what was not measured, what is different, the worst, calls about sound. Never: a row that leads nowhere. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { count, duration, instant, isUnknown, milliseconds, money, percent, plural, whole } from '../format.js';
import { formatFilter } from '../filters.js';
import { filters, link, query, route, setParams } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Figure, Money } from '../parts/chip.js';
import { useMore } from '../parts/more.js';
import { CALL_GROUPS, GROUPS, attributeName, measuredOf, nameOf, problemName, reasonName, say, whatName } from '../audio/words.js';
import { address, selected, selection } from '../audio/asked.js';
import { traces } from './audio-tiles.js';

const PAGE = 20;
const OF_SPANS = new Set(['stage', 'format', 'source', 'problem', 'status', 'name']);
const OPERATIONS = ['operation:speech_to_text', 'operation:text_to_speech'];

/** @param {string} key @param {string} value */
const filter = (key, value) => formatFilter({ key, op: ':', value, negated: false });

/** This page with one more filter. @param {string} text @param {Record<string, string | null>} [more] */
const narrowed = (text, more = {}) => route.value.path + query({ f: [...new Set([...filters.value.map(formatFilter), text])], ...more });

/** All of them. @param {{metric: string, data: any, lists: any, busy: boolean, different: import('preact').RefObject<any>}} props data: the summary; different: where the differences stand */
export function Lists({ metric, data, lists, busy, different }) {
  return html`<${Groups} metric=${metric} data=${lists.groups} busy=${busy} />
    <div class="audio-two"><${Problems} data=${data} /><${NotMeasured} data=${data} /></div>
    <div ref=${different}><${Different} metric=${metric} /></div>
    ${selected() ? html`<${WorstOfChosen} metric=${metric} />` : html`<${Worst} metric=${metric} page=${lists.clips} busy=${busy} />`}<${Calls} data=${lists.calls} busy=${busy} />`;
}

/** @param {{name: string, value: string, options: Record<string, string>}} props */
function By({ name, value, options }) {
  return html`<label class="inline-label"><span class="hidden-text">Group by</span><select value=${value} onChange=${(/** @type {any} */ event) => setParams({ [name]: event.currentTarget.value })}>${Object.entries(options).map(([key, text]) => html`<option key=${key} value=${key}>By ${text.toLowerCase()}</option>`)}</select></label>`;
}

/** @param {{metric: string, data: any, busy: boolean}} props */
function Groups({ metric, data, busy }) {
  const { group_by: group, spans: rows } = data;
  const longest = Math.max(0, ...rows.map((/** @type {any} */ one) => one.took_s.p95 ?? 0));
  const word = GROUPS[/** @type {keyof typeof GROUPS} */ (group)];
  const left = data.values - rows.length;
  return html`<${Card} title=${`Time by ${word.toLowerCase()}`} sub="median and 95th percentile of the work" busy=${busy} actions=${html`<${By} name="group" value=${group} options=${GROUPS} />`}>
    ${rows.length ? html`<table class="table cards-narrow audio-groups">
      <thead><tr><th scope="col">${word}</th><th scope="col" class="wide-cell"><span class="hidden-text">Drawn</span></th><th scope="col" class="num">Median</th><th scope="col" class="num">95th</th><th scope="col" class="num wide-cell">Real-time factor</th><th scope="col" class="num">Spans</th><th scope="col" class="num wide-cell">Failed</th><th scope="col" class="num wide-cell">${nameOf(metric)}</th></tr></thead>
      <tbody>${rows.map((/** @type {any} */ one) => html`<tr key=${one.value} class="row-link">
        <td class="cell-name"><a href=${group === 'format' || group === 'source' ? narrowed(filter(group, one.value)) : traces({ sort: '-duration', f: [group === 'stage' ? filter('name', one.value || 'audio pipeline') : filter(group, one.value)] })} title=${one.value}>${one.value || (group === 'stage' ? 'whole pipelines' : html`<span class="quiet">none given</span>`)}</a></td>
        <td class="cell-bar"><span class="meter two"><i class="slot2" style=${{ width: `${longest ? Math.max(0.6, ((one.took_s.p95 ?? 0) / longest) * 100) : 0}%` }}></i><i class="slot1" style=${{ width: `${longest ? Math.max(0.6, ((one.took_s.p50 ?? 0) / longest) * 100) : 0}%` }}></i></span></td>
        <td class="num cell-figure2"><${Figure}>${say('took_s', one.took_s.p50)}<//><span class="narrow-only"> median</span></td><td class="num cell-figure"><${Figure}>${say('took_s', one.took_s.p95)}<//></td>
        <td class="num wide-cell" title="seconds of work for each second of audio, median"><${Figure}>${say('real_time_factor', one.real_time_factor.p50)}<//></td>
        <td class="num cell-sub" title=${one.count === one.spans ? undefined : `${whole(one.spans)} kept`}>${one.count === one.spans ? whole(one.spans) : `≈ ${count(Math.round(one.count))}`}<span class="narrow-only"> spans</span></td>
        <td class="num wide-cell"><${Figure}>${percent(one.failed_share)}<//></td>
        <td class="num wide-cell" title=${measuredOf(one.measure)}><${Figure}>${say(metric, one.measure.p50)}<//></td></tr>`)}</tbody></table>
      ${left > 0 ? html`<p class="card-note">${plural(left, 'further value')} with fewer spans.</p>` : null}` : html`<${Empty} title="No spans of audio in this range." />`}
  <//>`;
}

/** @param {{data: any}} props */
function Problems({ data }) {
  const judged = data.problems.filter((/** @type {any} */ one) => one.share !== null);
  const rest = data.problems.length - judged.length;
  const most = Math.max(0.01, ...judged.map((/** @type {any} */ one) => one.share));
  return html`<${Card} title="Problems" sub="share of the audios that were judged">
    ${judged.length ? html`<div class="meters">${judged.map((/** @type {any} */ one) => html`<a key=${one.problem} class="meter-row" href=${narrowed(filter('problem', one.problem), { metric: one.metric, at_least: null, at_most: null })} title=${one.meaning}>
      <span class="meter-name">${problemName(one.problem)} <span class="quiet small wide-only">${one.meaning}</span></span><span class="meter-figure">${percent(one.share)}</span>
      <span class="meter"><i class=${one.share ? 'tone-warn' : ''} style=${{ width: `${one.share ? Math.max(1, (one.share / most) * 100) : 0}%` }}></i></span><span class="meter-sub">${whole(one.clips)} of ${whole(one.judged)}${isUnknown(one.previous_share) ? '' : `, before ${percent(one.previous_share)}`}</span></a>`)}</div>` : html`<${Empty} title="Nothing was measured that a problem could be told from." />`}
    ${rest && judged.length ? html`<p class="card-note">${data.problems.filter((/** @type {any} */ one) => one.share === null).map((/** @type {any} */ one) => problemName(one.problem)).join(', ')}: not measured.</p>` : null}<//>`;
}

/** @param {{data: any}} props */
function NotMeasured({ data }) {
  const rows = data.not_measured.slice(0, 12);
  return html`<${Card} title="Not measured" sub="what has no value, and why">
    ${rows.length ? html`<ul class="list">${rows.map((/** @type {any} */ one) => html`<li key=${one.what + one.reason}><a class="list-row" href=${traces({ q: `${one.reason} audio.` })}><span class="list-main"><b>${whatName(one.what)}</b><span class="list-sub">${reasonName(one.reason)}</span></span><span class="list-figure">${plural(one.spans, 'span')}</span></a></li>`)}</ul>`
      : html`<${Empty} title="Everything that was asked for was measured." />`}<//>`;
}

/** What the chosen stretch of values has in common. @param {{metric: string}} props */
function Different({ metric }) {
  const load = useLoad(metric && selected() ? address('differences', { metric, ...selection() }) : null, { subject: metric });
  const name = nameOf(metric);
  if (!selected()) return html`<${Card} title="What is different?"><p class="card-note plain">Choose a bar of the spread above: the formats, stages, rates, lengths and models that are commoner there are listed here.</p><//>`;
  return html`<${Card} title="What is different?" sub=${load.data ? `${plural(load.data.inside.spans, 'audio')} with the chosen ${name} beside ${whole(load.data.outside.spans)} others` : ''} busy=${load.busy}>
    <${Faces} load=${load} what="the differences">${(/** @type {any} */ data) => { const rows = data.items.filter((/** @type {any} */ one) => Math.abs(one.inside_share - one.outside_share) >= 0.005); return rows.length ? html`<table class="table cards-narrow"><thead><tr><th scope="col">What</th><th scope="col" class="num">Chosen</th><th scope="col" class="num">Others</th><th scope="col" class="num">Difference</th></tr></thead>
      <tbody>${rows.map((/** @type {any} */ one) => html`<tr key=${one.attribute + one.value}><td class="cell-name">${attributeName(one.attribute)} ${one.value ? html`<b>${one.value}</b>` : html`<span class="quiet">none given</span>`}</td><td class="num cell-figure2">${percent(one.inside_share)}<span class="narrow-only"> chosen</span></td><td class="num cell-sub">${percent(one.outside_share)}<span class="narrow-only"> of others</span></td><td class="num cell-figure">${one.inside_share > one.outside_share ? '+' : '\u2212'}${percent(Math.abs(one.inside_share - one.outside_share))}</td></tr>`)}</tbody></table>`
      : html`<${Empty} title=${data.inside.spans ? (data.outside.spans ? 'Nothing stands out: both are alike in every attribute.' : 'All audios have a value there; there are no others.') : 'No audio has such a value.'} />`; }}<//><//>`;
}

/** Those with a value that was chosen. @param {{metric: string}} props */
function WorstOfChosen({ metric }) {
  const load = useLoad(address('clips', { metric, limit: String(PAGE), ...selection() }), { subject: metric });
  if (!load.data) return html`<${Card} title=${`Worst by ${nameOf(metric)}`} busy=${load.busy}><${Faces} load=${load} what="the worst audios" blank=${html`<div class="face blank list-blank"></div>`}>${() => null}<//><//>`;
  return html`<${Worst} metric=${metric} page=${load.data} busy=${load.busy} />`;
}

/** @param {{metric: string, page: any, busy: boolean}} props page: the first */
function Worst({ metric, page: data, busy }) {
  const at = (/** @type {string | null} */ cursor) => address('clips', { metric, limit: String(PAGE), ...selection(), cursor });
  const more = useMore(at(null), /** @type {any} */ ({ data, reload: () => {} }), at);
  const title = data.better ? `Worst by ${nameOf(metric)}` : `Lowest ${nameOf(metric)}`;
  return html`<${Card} title=${title} sub=${plural(data.matched, 'audio has a value', 'audios have a value')} busy=${busy || more.busy}>${data.items.length ? html`<table class="table cards-narrow">
    <thead><tr><th scope="col">Audio</th><th scope="col">Problems</th><th scope="col" class="num wide-cell">Length</th><th scope="col" class="num">${nameOf(metric)}</th><th scope="col" class="num wide-cell">Format</th><th scope="col" class="num">When</th></tr></thead>
    <tbody>${[...data.items, ...more.extra].map((/** @type {any} */ one) => html`<tr key=${one.span_id + one.trace_id} class="row-link"><td class="cell-name"><a href=${link(`/traces/${one.trace_id}`, { sel: one.span_id }, ['tz'])} title=${one.audio_id ?? one.name}>${one.audio_id ?? one.name}</a> <span class="quiet wide-only">${one.audio_id ? one.name : ''} ${one.service ?? ''}</span></td>
      <td class="cell-sub">${one.problems.length ? one.problems.map(problemName).join(', ') : html`<span class="quiet">none found</span>`}</td><td class="num wide-cell"><${Figure}>${isUnknown(one.measures.duration_s) ? '—' : duration(one.measures.duration_s * 1e9)}<//></td>
      <td class="num cell-figure">${say(metric, one.value)}</td><td class="num wide-cell quiet">${[one.format, isUnknown(one.measures.sample_rate_hz) ? null : say('sample_rate_hz', one.measures.sample_rate_hz)].filter(Boolean).join(' · ')}</td><td class="num quiet cell-figure2"><${Ago} ms=${instant(one.start)} /></td></tr>`)}</tbody></table>
    ${more.cursor ? html`<p class="more"><button class="button" disabled=${more.busy} onClick=${more.fetch}>Show more</button></p>` : null}` : html`<${Empty} title=${`No audio in this range has a value of ${nameOf(metric)}.`} />`}<//>`;
}

/** @param {{data: any, busy: boolean}} props */
function Calls({ data, busy }) {
  const group = data.group_by;
  const word = CALL_GROUPS[/** @type {keyof typeof CALL_GROUPS} */ (group)];
  return html`<${Card} title="Calls about sound" sub=${filters.value.some((one) => OF_SPANS.has(one.key)) ? 'those of the kept traces that match' : 'speech to text, text to speech, audio tokens: every call of the ledger'} busy=${busy} actions=${html`<${By} name="calls" value=${group} options=${CALL_GROUPS} />`}>
    ${data.calls.length ? html`<table class="table cards-narrow">
      <thead><tr><th scope="col">${word}</th><th scope="col" class="num">Calls</th><th scope="col" class="num">Minutes</th><th scope="col" class="num wide-cell">A minute</th><th scope="col" class="num wide-cell">Time, 95th</th><th scope="col" class="num">Cost</th></tr></thead>
      <tbody>${data.calls.map((/** @type {any} */ one) => html`<tr key=${one.value} class="row-link"><td class="cell-name"><a href=${traces({ sort: '-cost', f: [filter(group, one.value), ...(group === 'operation' ? [] : OPERATIONS)] })} title=${one.value}>${one.value || html`<span class="quiet">none given</span>`}</a></td>
        <td class="num cell-sub">${whole(one.calls)}<span class="narrow-only"> calls</span></td><td class="num cell-figure2"><${Figure}>${isUnknown(one.audio_minutes) ? '—' : count(Math.round(one.audio_minutes * 100) / 100)}<//><span class="narrow-only"> min</span></td>
        <td class="num wide-cell"><${Figure}>${money(one.cost_per_minute)}<//></td><td class="num wide-cell"><${Figure}>${milliseconds(one.duration_ms.p95)}<//></td><td class="num cell-figure"><${Money} value=${one.total_cost} unpriced=${one.unpriced_calls} /></td></tr>`)}</tbody></table>` : html`<${Empty} title="No calls about sound in this range." />`}<//>`;
}
