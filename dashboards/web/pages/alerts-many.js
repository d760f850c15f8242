// @ts-check
/**
 * What is done to several alerts at once: taken care of, silenced, ended.
 *
 * Given: the alerts that are chosen, or all that the list means. Gives: a bar above the list. Never: a silence of which nobody was told what else it holds back.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { request, useAsking, useLoad } from '../api.js';
import { plural } from '../format.js';
import { spell } from '../url.js';
import { silencesOf } from '../alert/many.js';
import { Twice } from '../parts/form.js';
import { toast } from '../parts/toast.js';

const LENGTHS = [['', 'until it ends'], ['30m', '30 min'], ['1h', '1 hour'], ['4h', '4 hours'], ['1d', '1 day'], ['7d', '7 days']];

/** @param {{chosen: any[], all: {filter: any, count: number | null} | null, everything: (() => void) | null, done: () => void, clear: () => void}} props all: what is meant in place of those chosen */
export function Many({ chosen, all, everything, done, clear }) {
  const [form, setForm] = useState('');
  const { wrong, busy, ask } = useAsking();
  const count = all ? all.count : chosen.length;
  const those = count === null ? 'all that fire' : plural(count, 'alert');
  const which = all ? { filter: all.filter } : { ids: chosen.map((one) => one.id) };
  const act = (/** @type {string} */ what, /** @type {string} */ word, /** @type {any} */ said = {}) => ask(async () => {
    const { changed } = await request(`/api/v1/alerts/${what}`, { method: 'POST', body: { ...which, ...said } });
    toast(`${word}: ${plural(changed.length, 'alert')}`);
    done();
  });
  const acked = chosen.some((one) => one.acknowledged);
  return html`<div class="many" role="group" aria-label="Chosen alerts">
    <b>${count === null ? 'All that fire are' : those} chosen</b>
    ${everything && !all ? html`<button class="text-button" onClick=${everything}>Choose all that fire</button>` : null}
    <button class="button" aria-expanded=${form === 'ack'} disabled=${busy} onClick=${() => setForm(form === 'ack' ? '' : 'ack')}>Acknowledge …</button>
    ${acked ? html`<button class="button" disabled=${busy} onClick=${() => act('unacknowledge', 'Taken back')}>Undo ack</button>` : null}
    ${all ? null : html`<button class="button" aria-expanded=${form === 'silence'} disabled=${busy} onClick=${() => setForm(form === 'silence' ? '' : 'silence')}>Silence …</button>`}
    <${Twice} label="Resolve …" sure=${`End ${those}? They fire again only after their conditions were over.`} yes="End them" deed=${async () => { await request('/api/v1/alerts/resolve', { method: 'POST', body: which }); toast('Resolved'); done(); }} />
    <button class="text-button" onClick=${clear}>Clear</button>
    ${wrong ? html`<p class="field-error wide" role="alert">${wrong}</p>` : null}
    ${form === 'ack' ? html`<${Acknowledge} busy=${busy} act=${act} />` : form === 'silence' ? html`<${Silence} chosen=${chosen} done=${done} />` : null}</div>`;
}

/** @param {{from: number, usual: string}} props */
const Lengths = ({ from, usual }) => html`<label>For<select name="length">${LENGTHS.slice(from).map(([value, name]) => html`<option value=${value} selected=${value === usual}>${name}</option>`)}</select></label>`;

/** @param {{busy: boolean, act: (what: string, word: string, said: any) => void}} props */
function Acknowledge({ busy, act }) {
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    act('acknowledge', 'Acknowledged', { for: fields.get('length') || null, note: String(fields.get('note')).trim() || null });
  };
  return html`<form class="rule-form wide" onSubmit=${submit}><${Lengths} from=${0} usual="" />
    <label class="silence-why">Note<input name="note" maxlength="4000" autocomplete="off" placeholder="looking at it" /></label>
    <button class="button primary" type="submit" disabled=${busy}>Acknowledge</button></form>`;
}

/** @param {{chosen: any[], done: () => void}} props */
function Silence({ chosen, done }) {
  const silences = silencesOf(chosen);
  const { wrong, busy, ask } = useAsking();
  const [made, setMade] = useState(0); // where one is refused, those before it are not made twice
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    ask(async () => {
      for (const [at, matchers] of silences.entries()) {
        if (at < made) continue;
        await request('/api/v1/silences', { method: 'POST', body: { matchers, duration: String(fields.get('length')), comment: String(fields.get('comment')).trim() } });
        setMade(at + 1);
      }
      toast(`Silenced: ${plural(chosen.length, 'alert')}`);
      done();
    });
  };
  return html`<form class="rule-form wide" onSubmit=${submit}><${Lengths} from=${1} usual="1h" />
    <label class="silence-why">Why<input name="comment" required maxlength="2000" autocomplete="off" placeholder="the provider is being moved" /></label>
    <button class="button primary" type="submit" disabled=${busy}>${silences.length > 1 ? `Silence by ${silences.length} silences` : 'Silence'}</button>
    <ul class="wide many-matchers">${silences.slice(0, 10).map((matchers) => html`<${Matched} key=${matchers.join()} matchers=${matchers} />`)}${silences.length > 10 ? html`<li class="quiet small">and ${silences.length - 10} more</li>` : null}</ul>
    <p class="field-error wide" role="alert">${wrong}</p></form>`;
}

/** A silence to be, and how many of those that fire now it holds back. @param {{matchers: string[]}} props */
function Matched({ matchers }) {
  const search = new URLSearchParams(matchers.map((one) => ['filter', one]));
  const load = useLoad(`/api/v2/alerts${spell(search)}`, { subject: matchers.join() });
  return html`<li><code>${matchers.join(', ')}</code> <span class="quiet small">${load.data ? `holds back ${plural(load.data.length, 'alert')} that ${load.data.length === 1 ? 'fires' : 'fire'} now, and whatever else comes to match` : ''}</span></li>`;
}
