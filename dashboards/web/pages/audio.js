// @ts-check
/**
 * Audio: is the speech good, is it fast enough, what does a minute cost, and which stage or input makes it worse.
 *
 * Given: range, filters, a measure, a grouping and a stretch of values from the URL. Gives: figures with coverage, their spread and course, stages, problems, the worst.
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
import { Lazy } from '../parts/lazy.js';
import { ChartCard } from '../charts/frame.js';
import { Histogram } from '../charts/histogram.js';
import { Lines } from '../charts/lines.js';
import { address, range, selected, selection } from '../audio/asked.js';
import { GROUPED, METRICS, measuredOf, nameOf, onAxis, say, stretch } from '../audio/words.js';
import { Tiles } from './audio-tiles.js';

export const title = 'Audio';
export const styles = '/assets/pages/audio.css';
export { range };
const FILTER_KEYS = ['service', 'stage', 'format', 'source', 'problem', 'status', 'name', 'model', 'provider', 'operation', 'feature', 'tenant', 'user_tier', 'user_id', 'session_id'];
const QUICK = ['pesq', 'stoi', 'snr_db', 'si_sdr_db', 'quality_index'];
const LINES = [{ label: '95th percentile', key: 'p95', slot: 2, width: 1.75 }, { label: 'median', key: 'p50', slot: 1, width: 1.75 }, { label: '5th percentile', key: 'p5', slot: 6, width: 1.25 }];
const BAND = /** @type {[number, number]} */ ([0, 2]);

/** The tables below the charts, which come after them. */
const lists = () => import('./audio-parts.js').then((module) => module.Lists);

/** The measure that charts and lists are of. @param {any} summary */
function chosenMetric(summary) {
  const asked = params.value.get('metric') ?? '';
  if (METRICS.includes(asked)) return asked;
  const measured = [...QUICK.slice(0, 2), 'dnsmos', 'word_error_rate'].find((name) => summary?.measures.some((/** @type {any} */ one) => one.metric === name && one.measured));
  return measured ?? 'real_time_factor';
}

export function View() {
  const following = isRelative(rangeOr(range));
  const every = following ? 15_000 : 0;
  const load = useLoad(address('summary'), { every });
  const metric = load.data || params.value.has('metric') ? chosenMetric(load.data) : '';
  const choose = (/** @type {string} */ name) => setParams({ metric: name, at_least: null, at_most: null });
  const different = useRef(/** @type {HTMLElement | null} */ (null));
  usePageKeys({ ...Object.fromEntries(QUICK.map((name, index) => [String(index + 1), () => choose(name)])), d: () => different.current?.scrollIntoView({ block: 'start' }) });
  return html`<div class="page audio-page"><${FilterChips} keys=${FILTER_KEYS} />
    <${Faces} load=${load} what="audio" boxed=${true} blank=${html`<div class="card blank tiles-blank"></div><div class="card blank chart-blank"></div>`}>${(/** @type {any} */ data) => (data.spans || data.calls.calls ? html`
      <${Says} data=${data} /><${Tiles} data=${data} metric=${metric} choose=${choose} busy=${load.busy} />
      <div class="bar"><label class="inline">Measure<select value=${metric} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>${GROUPED.map(([group, names]) => html`<optgroup label=${group}>${/** @type {string[]} */ (names).map((name) => html`<option value=${name}>${nameOf(name)}${data.measures.some((/** @type {any} */ one) => one.metric === name && one.measured) ? '' : ' (not measured)'}</option>`)}</optgroup>`)}</select></label>
        ${selected() ? html`<button class="button" onClick=${() => setParams({ at_least: null, at_most: null })}><${Icon} name="cross" />Any value</button>` : null}</div>
      <div class="audio-two"><${Spread} metric=${metric} every=${every} /><${Course} metric=${metric} every=${every} /></div>
      <${Lazy} load=${lists} props=${{ metric, every, data, different }} />` : html`<${Nothing} />`)}<//>
  </div>`;
}

/** What the figures stand on: the sample, and since when spans are kept. @param {{data: any}} props */
function Says({ data }) {
  const kept = instant(data.spans_kept_from);
  const cut = kept !== null && kept > Number(instant(data.from));
  if (!data.sampled && !data.at_least && !cut) return null;
  return html`<p class="audio-says"><${Icon} name="filter" />${data.sampled ? html`<a href=${link('/settings/sampling', {}, ['tz'])}>${plural(data.clips.kept, 'kept audio')} ${data.clips.kept === 1 ? 'stands' : 'stand'} for ≈ ${estimated(data.clips, (value) => count(Math.round(value)))}</a><span>Medians and shares are weighed by it; calls and costs are all of them.</span>` : null}
    ${data.uncounted_spans ? html`<span>${plural(data.uncounted_spans, 'span')} ${data.uncounted_spans === 1 ? 'does' : 'do'} not say how ${data.uncounted_spans === 1 ? 'it was' : 'they were'} sampled, and count once.</span>` : null}
    ${cut ? `Spans from before ${shortDateTime(kept, zone.value)} are no longer kept.` : null}</p>`;
}

/** @param {{metric: string, every: number}} props */
function Spread({ metric, every }) {
  const load = useLoad(metric ? address('distribution', { metric }) : null, { every, subject: metric });
  const chosen = selection();
  const bins = (load.data?.bins ?? []).map((/** @type {any} */ bin) => ({ ...bin, before: bin.previous_share, title: stretch(metric, bin), edge: bin.at_least === null ? '' : onAxis(metric, bin.at_least), chosen: isChosen(bin, chosen) }));
  const pick = (/** @type {any} */ bin) => setParams(bin.chosen ? { at_least: null, at_most: null } : boundsOf(bin));
  const known = bins.filter((/** @type {any} */ bin) => bin.share !== null);
  const top = [...known].sort((a, b) => b.share - a.share)[0];
  const sub = top?.share ? `most have ${top.title} (${percent(top.share)})` : '';
  return html`<${ChartCard} title=${`Spread of ${nameOf(metric)}`} sub=${sub} busy=${load.busy} empty=${!load.data} legend=${[{ label: 'now', slot: 1 }, { label: 'the same time before', slot: 8, line: true }]}
    table=${() => ({ columns: ['Value', 'Share now', 'Share before', 'Audios'], rows: bins.map((/** @type {any} */ bin) => [html`<button class="text-button" aria-pressed=${bin.chosen} onClick=${() => pick(bin)}>${bin.title}</button>`, percent(bin.share), percent(bin.before), whole(bin.count)]) })}>
    ${load.data ? html`<${Histogram} statement=${`${nameOf(metric)}: ${sub || 'not measured'}`} bins=${bins} onPick=${(/** @type {number} */ index) => pick(bins[index])} />` : html`<${Faces} load=${load} what="the spread" blank=${html`<div class="face blank chart-blank"></div>`}>${() => null}<//>`}<//>`;
}

/** The bounds of a bar as parameters; the upper one is just below where the next begins. @param {any} bin */
const boundsOf = (bin) => ({ at_least: bin.at_least === null ? null : String(bin.at_least), at_most: bin.below === null ? null : String(bin.below - Math.abs(bin.below || 1) * 1e-9) });

/** @param {any} bin @param {{at_least: string | null, at_most: string | null}} chosen */
const isChosen = (bin, chosen) => selected() && boundsOf(bin).at_least === chosen.at_least && boundsOf(bin).at_most === chosen.at_most;

/** @param {{metric: string, every: number}} props */
function Course({ metric, every }) {
  const load = useLoad(metric ? address('series', { metric, tz: zone.value }) : null, { every, subject: metric });
  const points = load.data?.points ?? [];
  const times = points.map((/** @type {any} */ one) => Number(instant(one.from)) / 1000);
  const values = LINES.map((line) => points.map((/** @type {any} */ one) => (isUnknown(one[line.key]) ? null : Number(one[line.key]))));
  const width = points.length ? Number(instant(points[0].to)) - Number(instant(points[0].from)) : 6e4;
  const when = (/** @type {number} */ ms) => (width < 36e5 ? minute(ms, zone.value) : shortDateTime(ms, zone.value));
  const last = (/** @type {string} */ key) => points.findLast((/** @type {any} */ one) => !isUnknown(one[key]))?.[key] ?? null;
  const better = load.data?.better;
  const sub = `${load.data?.meaning ?? ''}${better ? ` · ${better === 'more' ? 'higher' : 'lower'} is better` : ''}`;
  const pick = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to - from > 1.5 * width) setParams(absoluteRange(Math.floor(from), Math.ceil(to)));
    else navigate(link('/traces', { ...absoluteRange(Math.floor(from / width) * width, Math.floor(from / width) * width + width), q: 'audio.' }, ['tz']));
  };
  const measured = points.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.measured, 0);
  return html`<${ChartCard} title=${`${nameOf(metric)} over time`} sub=${sub} busy=${load.busy} empty=${!load.data} legend=${[...LINES].reverse().map((line) => ({ label: line.label, slot: line.slot, line: true, value: say(metric, last(line.key)) }))}
    table=${() => ({ columns: ['When', '5th', 'Median', '95th', 'Measured'], rows: points.map((/** @type {any} */ one, /** @type {number} */ index) => [html`<a href=${link('/traces', { from: one.from, to: one.to, q: 'audio.' }, ['tz'])}>${when(times[index] * 1000)}</a>`, say(metric, one.p5), say(metric, one.p50), say(metric, one.p95), one.of ? measuredOf(one) : 'no audio']) })}>
    ${load.data ? html`<${Lines} statement=${`${nameOf(metric)}, ${label(rangeOr(range), Date.now(), zone.value)}: ${measured ? `${plural(measured, 'value')}, the median last ${say(metric, last('p50'))}` : 'not measured'}`} times=${times} values=${values} lines=${LINES} band=${BAND} text=${(/** @type {any} */ value) => say(metric, value)} axis=${(/** @type {number} */ value) => onAxis(metric, value)} onPick=${pick} />` : html`<${Faces} load=${load} what="its course" blank=${html`<div class="face blank chart-blank"></div>`}>${() => null}<//>`}<//>`;
}

function Nothing() {
  const restricted = filters.value.length > 0;
  if (restricted) return html`<section class="card boxed"><${Empty} title="No audio matches these filters in this range."><button class="button" onClick=${() => setParams({ f: null })}>Remove all filters</button><//></section>`;
  return html`<section class="card boxed"><${Empty} title="No audio in this range yet. Wrap the work on it in a pipeline:">
    <${Command} text="pip install 'spanledger[audio]'" /><${Command} text=${'with spanledger.audio_pipeline("take-7") as pipeline:\n    with pipeline.stage("load_audio") as stage:\n        stage.audio(samples, 16_000)\n    with pipeline.stage("transcription"):\n        words = transcribe(samples)'} /><//></section>`;
}
