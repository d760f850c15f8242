// @ts-check
/** What a rule would have done: how often, when, for how long. Never: a stretch without data drawn as a quiet one. */
import { html } from '../html.js';
import { instant, percent, plural, shortDateTime } from '../format.js';
import { zone } from '../url.js';
import { measure } from '../units.js';

/** @param {{replay: any, unit: string | null}} props */
export function Replay({ replay, unit }) {
  const from = Number(instant(replay.from));
  const to = Number(instant(replay.to));
  const { say } = measure(unit);
  const place = (/** @type {any} */ one) => {
    const left = (Math.max(Number(instant(one.from)), from) - from) / (to - from);
    const right = ((one.to === null ? to : Number(instant(one.to))) - from) / (to - from);
    return { left: `${left * 100}%`, width: `${Math.max(0, right - left) * 100}%` };
  };
  return html`<div class="replay" role="status"><p><b>Dry run:</b> it ${replay.sentence}.${replay.unknown_share ? html` <span class="quiet">${percent(replay.unknown_share)} of the time had no data.</span>` : null}</p>
    <div class="replay-strip" role="img" aria-label=${`${plural(replay.fired, 'episode')} from ${shortDateTime(from, zone.value)} to ${shortDateTime(to, zone.value)}`}>${replay.episodes.map((/** @type {any} */ one, /** @type {number} */ index) => html`<i key=${index} style=${place(one)}></i>`)}</div>
    ${replay.episodes.length ? html`<ul class="told">${replay.episodes.slice(-8).reverse().map((/** @type {any} */ one, /** @type {number} */ index) => html`<li key=${index}><span class="quiet">${shortDateTime(Number(instant(one.from)), zone.value)}</span><span>${plural(Math.round(one.minutes), 'minute')}, at worst ${say(one.worst)} <span class="quiet small">${Object.entries(one.labels).map(([key, value]) => `${key}=${value}`).join(' ')}</span></span></li>`)}</ul>` : null}
    ${(replay.compared ?? []).map((/** @type {any} */ one) => html`<p class="quiet small" key=${one.threshold}>At ${say(one.threshold)} it ${one.sentence}.</p>`)}</div>`;
}
