// @ts-check
/**
 * Audio: is the speech good, is it fast enough, what does a minute cost, and which stage or input makes it worse.
 *
 * Given: range, filters, a measure, a grouping and a stretch of values from the URL. Gives: figures with coverage, their spread and course, stages, problems, the worst,
 * all of them of one answer; only what a chosen stretch of values has in common, and its worst, are asked for beside it.
 * Never: "not measured" shown as zero, or a figure without how many it is of.
 */
import { useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { estimated } from '../estimate.js';
import { count, instant, isUnknown, minute, percent, plural, shortDateTime, whole } from '../format.js';
import { filters, link, navigate, params, rangeOr, setParams, zone } from '../url.js';
import { absoluteRange, isRelative, label } from '../time.js';
import { usePageKeys } from '../keys.js';
import { Command, Empty, Faces } from '../parts/card.js';
import { FilterChips } from '../parts/filters.js';
import { Later } from '../parts/later.js';
import { ChartCard } from '../charts/frame.js';
import { Histogram } from '../charts/histogram.js';
import { Lines } from '../charts/lines.js';
import { address, range, selected, selection } from '../audio/asked.js';
import { CALL_GROUPS, GROUPED, GROUPS, METRICS, measuredOf, nameOf, onAxis, say, stretch } from '../audio/words.js';
import { Tiles } from './audio-tiles.js';

export const title = 'Audio';
export const styles = '/assets/pages/audio.css';
export { range };
const FILTER_KEYS = ['service', 'stage', 'format', 'source', 'problem', 'status', 'name', 'model', 'provider', 'operation', 'feature', 'tenant', 'user_tier', 'user_id', 'session_id'];
const QUICK = ['pesq', 'stoi', 'snr_db', 'si_sdr_db', 'quality_index'];
const LINES = [{ label: '95th percentile', key: 'p95', slot: 2, width: 1.75 }, { label: 'median', key: 'p50', slot: 1, width: 1.75 }, { label: '5th percentile', key: 'p5', slot: 6, width: 1.25 }];
const BAND = /** @type {[number, number]} */ ([0, 2]);

/** The tables below the charts, which come after them. */
const tables = () => import('./audio-parts.js');

/** What of the address the answer depends on. */
const asked = () => ({ metric: one('metric', METRICS), group_by: one('group', Object.keys(GROUPS)), calls_by: one('calls', Object.keys(CALL_GROUPS)), tz: zone.value });

/** A parameter, where it is one of these. @param {string} name @param {string[]} known */
const one = (name, known) => { const text = params.value.get(name) ?? ''; return known.includes(text) ? text : null; };

export function View() {
  const load = useLoad(address('overview', asked()), { every: isRelative(rangeOr(range)) ? 30_000 : 0 });
  const choose = (/** @type {string} */ name) => setParams({ metric: name, at_least: null, at_most: null });
  const different = useRef(/** @type {HTMLElement | null} */ (null));
  usePageKeys({ ...Object.fromEntries(QUICK.map((name, index) => [String(index + 1), () => choose(name)])), d: () => different.current?.scrollIntoView({ block: 'start' }) });
  return html`<div class="page audio-page"><${FilterChips} keys=${FILTER_KEYS} />
    <${Faces} load=${load} what="audio" boxed=${true} blank=${html`<div class="card blank tiles-blank"></div><div class="card blank chart-blank"></div>`}>${(/** @type {any} */ { metric, summary: data, distribution, series, ...lists }) => (data.spans || data.calls.calls ? html`
      <${Says} data=${data} from=${lists.from} /><${Tiles} data=${data} metric=${metric} choose=${choose} busy=${load.busy} />
      <div class="bar"><label class="inline">Measure<select value=${metric} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>${GROUPED.map(([group, names]) => html`<optgroup label=${group}>${/** @type {string[]} */ (names).map((name) => html`<option value=${name}>${nameOf(name)}${data.measures.some((/** @type {any} */ one) => one.metric === name && one.measured) ? '' : ' (not measured)'}</option>`)}</optgroup>`)}</select></label>
        ${selected() ? html`<button class="button" onClick=${() => setParams({ at_least: null, at_most: null })}><${Icon} name="cross" />Any value</button>` : null}</div>
      <div class="audio-two"><${Spread} metric=${metric} data=${distribution} busy=${load.busy} /><${Course} metric=${metric} data=${series} busy=${load.busy} /></div>
      <${Later} load=${tables} part="Lists" metric=${metric} data=${data} lists=${lists} busy=${load.busy} different=${different} />` : html`<${Nothing} />`)}<//>
  </div>`;
}

/** What the figures stand on: the sample, and since when they, and spans, are kept. @param {{data: any, from: string}} props */
function Says({ data, from }) {
  const since = (/** @type {string | null} */ text) => { const kept = instant(text); return kept !== null && kept > Number(instant(from)) ? kept : null; };
  const [figures, spans] = [since(data.kept_from), since(data.spans_kept_from)];
  const cut = figures ?? spans;
  if (!data.sampled && !data.at_least && !cut) return null;
  return html`<p class="audio-says"><${Icon} name="filter" />${data.sampled ? html`<a href=${link('/settings/sampling', {}, ['tz'])}>${plural(data.clips.kept, 'kept audio')} ${data.clips.kept === 1 ? 'stands' : 'stand'} for ≈ ${estimated(data.clips, (value) => count(Math.round(value)))}</a><span>Medians and shares are weighed by it; calls and costs are all of them.</span>` : null}
    ${data.uncounted_spans ? html`<span>${plural(data.uncounted_spans, 'span')} ${data.uncounted_spans === 1 ? 'does' : 'do'} not say how ${data.uncounted_spans === 1 ? 'it was' : 'they were'} sampled, and count once.</span>` : null}
    ${figures ? html`<span>Nothing from before ${shortDateTime(figures, zone.value)} is kept any more.</span>` : spans ? html`<span>Single audios from before ${shortDateTime(spans, zone.value)} are no longer kept; the figures hold them.</span>` : null}</p>`;
}

/** @param {{metric: string, data: any, busy: boolean}} props */
function Spread({ metric, data, busy }) {
  const chosen = selection();
  const bins = data.bins.map((/** @type {any} */ bin) => ({ ...bin, before: bin.previous_share, title: stretch(metric, bin), at: bin.at_least ?? -Infinity, edge: bin.at_least === null ? '' : onAxis(metric, bin.at_least), chosen: isChosen(bin, chosen) }));
  const pick = (/** @type {number} */ first, /** @type {number} */ last = first) => {
    const bounds = boundsOf({ at_least: bins[first].at_least, below: bins[last].below });
    setParams(bounds.at_least === chosen.at_least && bounds.at_most === chosen.at_most ? { at_least: null, at_most: null } : bounds);
  };
  const known = bins.filter((/** @type {any} */ bin) => bin.share !== null);
  const top = [...known].sort((a, b) => b.share - a.share)[0];
  const sub = top?.share ? `most have ${top.title} (${percent(top.share)})` : '';
  return html`<${ChartCard} title=${`Spread of ${nameOf(metric)}`} sub=${sub} busy=${busy} legend=${[{ label: 'now', slot: 1 }, { label: 'the same time before', slot: 8, line: true }]}
    table=${() => ({ columns: ['Value', 'Share now', 'Share before', 'Audios'], rows: bins.map((/** @type {any} */ bin, /** @type {number} */ index) => [html`<button class="text-button" aria-pressed=${bin.chosen} onClick=${() => pick(index)}>${bin.title}</button>`, percent(bin.share), percent(bin.before), whole(bin.count)]) })}>
    <${Histogram} statement=${`${nameOf(metric)}: ${sub || 'not measured'}`} bins=${bins} onPick=${pick} /><//>`;
}

/** The bounds of bars as parameters; the upper one is just below where the next begins. @param {any} bin */
const boundsOf = (bin) => ({ at_least: bin.at_least === null ? null : String(bin.at_least), at_most: bin.below === null ? null : String(bin.below - Math.abs(bin.below || 1) * 1e-9) });

/** Whether a bar lies in what is chosen. @param {any} bin @param {{at_least: string | null, at_most: string | null}} chosen */
const isChosen = (bin, chosen) => selected() && (bin.at_least ?? -Infinity) >= Number(chosen.at_least ?? -Infinity) && Number(boundsOf(bin).at_most ?? Infinity) <= Number(chosen.at_most ?? Infinity);

/** @param {{metric: string, data: any, busy: boolean}} props */
function Course({ metric, data, busy }) {
  const points = data.points;
  const times = points.map((/** @type {any} */ one) => Number(instant(one.from)) / 1000);
  const values = LINES.map((line) => points.map((/** @type {any} */ one) => (isUnknown(one[line.key]) ? null : Number(one[line.key]))));
  const width = points.length ? Number(instant(points[0].to)) - Number(instant(points[0].from)) : 6e4;
  const when = (/** @type {number} */ ms) => (width < 36e5 ? minute(ms, zone.value) : shortDateTime(ms, zone.value));
  const last = (/** @type {string} */ key) => points.findLast((/** @type {any} */ one) => !isUnknown(one[key]))?.[key] ?? null;
  const { better, meaning } = data;
  const sub = `${meaning}${better ? ` · ${better === 'more' ? 'higher' : 'lower'} is better` : ''}`;
  const pick = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to - from > 1.5 * width) setParams(absoluteRange(Math.floor(from), Math.ceil(to)));
    else navigate(link('/traces', { ...absoluteRange(Math.floor(from / width) * width, Math.floor(from / width) * width + width), q: 'audio.' }, ['tz']));
  };
  const measured = points.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.measured, 0);
  return html`<${ChartCard} title=${`${nameOf(metric)} over time`} sub=${sub} busy=${busy} legend=${[...LINES].reverse().map((line) => ({ label: line.label, slot: line.slot, line: true, value: say(metric, last(line.key)) }))}
    table=${() => ({ columns: ['When', '5th', 'Median', '95th', 'Measured'], rows: points.map((/** @type {any} */ one, /** @type {number} */ index) => [html`<a href=${link('/traces', { from: one.from, to: one.to, q: 'audio.' }, ['tz'])}>${when(times[index] * 1000)}</a>`, say(metric, one.p5), say(metric, one.p50), say(metric, one.p95), one.of ? measuredOf(one) : 'no audio']) })}>
    <${Lines} statement=${`${nameOf(metric)}, ${label(rangeOr(range), Date.now(), zone.value)}: ${measured ? `${plural(measured, 'value')}, the median last ${say(metric, last('p50'))}` : 'not measured'}`} times=${times} values=${values} lines=${LINES} band=${BAND} text=${(/** @type {any} */ value) => say(metric, value)} axis=${(/** @type {number} */ value) => onAxis(metric, value)} onPick=${pick} /><//>`;
}

function Nothing() {
  const restricted = filters.value.length > 0;
  if (restricted) return html`<section class="card boxed"><${Empty} title="No audio matches these filters in this range."><button class="button" onClick=${() => setParams({ f: null })}>Remove all filters</button><//></section>`;
  return html`<section class="card boxed"><${Empty} title="No audio in this range yet. Wrap the work on it in a pipeline:">
    <${Command} text="pip install 'spanledger[audio]'" /><${Command} text=${'with spanledger.audio_pipeline("take-7") as pipeline:\n    with pipeline.stage("load_audio") as stage:\n        stage.audio(samples, 16_000)\n    with pipeline.stage("transcription"):\n        words = transcribe(samples)'} /><//></section>`;
}
