// @ts-check
/** The figures on top of Audio: how much, how fast, how good, what a minute costs. Never: a tile that says good of what was not measured. */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { estimated } from '../estimate.js';
import { count, isUnknown, money, moneyLength, percent, plural, whole } from '../format.js';
import { formatFilter } from '../filters.js';
import { filters, link, rangeOr } from '../url.js';
import { Figure } from '../parts/chip.js';
import { range } from '../audio/asked.js';
import { changeOf, measuredOf, nameOf, say } from '../audio/words.js';

const SHOWN = ['pesq', 'stoi', 'snr_db', 'si_sdr_db', 'quality_index', 'dnsmos', 'word_error_rate'];
const ON_SPANS = new Set(['service', 'status', 'name', 'model', 'provider', 'operation', 'feature', 'tenant', 'user_tier', 'user_id', 'session_id', 'trace_id']);

/** The way to the traces behind a figure: filters that Traces knows are kept, a stage becomes the name of its span. @param {Record<string, any>} [more] */
export function traces(more = {}) {
  const kept = filters.value.filter((one) => ON_SPANS.has(one.key) || one.key === 'stage').map((one) => formatFilter(one.key === 'stage' ? { ...one, key: 'name' } : one));
  const asked = rangeOr(range);
  return link('/traces', { from: asked.from, ...(asked.to === 'now' ? {} : { to: asked.to }), ...more, f: [...kept, ...(more.f ?? [])] }, ['tz']);
}

/** @param {{data: any, metric: string, choose: (metric: string) => void, busy: boolean}} props */
export function Tiles({ data, metric, choose, busy }) {
  const of = (/** @type {string} */ name) => data.measures.find((/** @type {any} */ one) => one.metric === name);
  const minutes = data.audio_minutes;
  const speed = of('speed_factor');
  const factor = of('real_time_factor');
  return html`<section class="audio-tiles" aria-label="Figures" aria-busy=${busy ? 'true' : 'false'}>
    <div class="card audio-tile"><h2>Audios</h2><p class="audio-figure"><a href=${traces({ q: 'audio.' })}>${data.sampled ? count(Math.round(data.clips.value)) : whole(data.clips.value)}</a></p>
      <p class="audio-context">${data.clips.high > data.clips.low ? `${estimated(data.clips, (value) => count(Math.round(value)))} · ` : ''}${minutes ? `${count(Math.round(minutes.value * 10) / 10)} minutes of audio` : 'length not told'}</p><p class="audio-context"><${Change} better=${null} now=${data.clips.value} before=${data.clips.previous} />${data.failed_share ? html` · <a href=${traces({ f: ['status:error'], q: 'audio.' })}>${percent(data.failed_share)} failed</a>` : ''}</p></div>
    <button class="card audio-tile" aria-pressed=${metric === 'speed_factor'} onClick=${() => choose('speed_factor')}><span class="audio-name">Speed</span><span class="audio-figure"><${Figure}>${say('speed_factor', speed?.p50)}<//></span>
      <span class="audio-context">${isUnknown(speed?.p50) ? 'not measured' : `audio per second of work; RTF ${say('real_time_factor', factor?.p50)}, 95th ${say('real_time_factor', factor?.p95)}`}</span><span class="audio-context"><${Change} better="more" now=${speed?.p50} before=${speed?.previous_p50} /></span></button>
    <div class="card audio-tile"><h2>A minute costs</h2><p class="audio-figure"><${Cost} calls=${data.calls} /></p>
      <p class="audio-context">${data.calls.calls ? `${plural(data.calls.calls, 'call')} about sound${data.calls.unpriced_calls ? `, ${whole(data.calls.unpriced_calls)} unpriced` : ''}` : 'no calls about sound'}</p>
      <p class="audio-context">${data.calls.timed_calls < data.calls.calls ? `${whole(data.calls.timed_calls)} of them told their length` : html`<${Change} better="less" now=${moneyLength(data.calls.cost_per_minute)} before=${moneyLength(data.calls.previous?.cost_per_minute ?? null)} />`}</p></div>
    ${SHOWN.map((name) => html`<${Quality} key=${name} one=${of(name)} chosen=${metric === name} choose=${choose} />`)}
  </section>`;
}

/** @param {{calls: any}} props */
function Cost({ calls }) {
  if (isUnknown(calls.cost_per_minute)) return html`<${Figure}>—<//>`;
  return html`<a href=${traces({ sort: '-cost', f: ['operation:speech_to_text', 'operation:text_to_speech'] })} title=${String(calls.cost_per_minute)}>${money(calls.cost_per_minute)}</a>`;
}

/** @param {{one: any, chosen: boolean, choose: (metric: string) => void}} props */
function Quality({ one, chosen, choose }) {
  return html`<button class="card audio-tile" aria-pressed=${chosen} onClick=${() => choose(one.metric)}><span class="audio-name">${nameOf(one.metric)}</span><span class="audio-figure"><${Figure}>${say(one.metric, one.p50)}<//></span>
    <span class="audio-context">${measuredOf(one)}</span><span class="audio-context"><${Change} better=${one.better} now=${one.p50} before=${one.previous_p50} /></span></button>`;
}

/** @param {{better: string | null, now: number | null, before: number | null}} props */
function Change({ better, now, before }) {
  const change = changeOf(better, now, before);
  if (!change) return html`<span class="quiet">${isUnknown(now) ? '' : 'nothing to compare with'}</span>`;
  return html`<span class=${`audio-change ${change.tone}`}><${Icon} name=${change.icon} />${change.text}${change.word ? ` ${change.word}` : ''}</span>`;
}
