// @ts-check
/**
 * Silences and maintenance: what is not told, of what, until when, and why.
 *
 * Given: those of the server; `of` in the URL: an alert to be silenced. Gives: the lists, a form, an end with one click.
 * Never: a silence without an end.
 */
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, session, useAsking, useLoad } from '../api.js';
import { instant, plural, shortDateTime } from '../format.js';
import { params, setParams, zone } from '../url.js';
import { now } from '../live.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { isAdmin, refusal } from '../parts/form.js';
import { toast } from '../parts/toast.js';
import { lasted } from '../alert/words.js';
import { AlertPlaces } from '../parts/places.js';
import { SilenceForm, WindowForm, split } from './silence-forms.js';

export const title = 'Silences';
export const styles = '/assets/pages/alerts.css';
const LENGTHS = [['30m', '30 min'], ['1h', '1 hour'], ['4h', '4 hours'], ['1d', '1 day'], ['7d', '7 days']];

/** A label as a matcher. @param {[string, string]} label */
const matcher = ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

export function View() {
  const load = useLoad('/api/v1/silences?state=any', { every: 10_000 });
  const windows = useLoad('/api/v1/maintenance', { every: 30_000 });
  const admin = session.value?.role === 'admin';
  return html`<div class="page alerts-page"><${AlertPlaces} />
    ${admin ? html`<${Form} done=${load.reload} />` : html`<p class="notice" role="status"><${Icon} name="key" /><span>Silencing needs the admin role.</span></p>`}
    <${Card} title="Silences" sub=${load.data ? plural(load.data.items.filter((/** @type {any} */ one) => one.state === 'active').length, 'silence') + ' now' : ''} busy=${load.busy}><${Faces} load=${load} what="silences">${(/** @type {any} */ data) => (data.items.length ? html`<ol class="silence-list">${data.items.map((/** @type {any} */ one) => html`<${One} key=${one.id} one=${one} admin=${admin} changed=${load.reload} />`)}</ol>` : html`<${Empty} title="Nothing is silenced." />`)}<//><//>
    ${params.value.get('edit') === 'maintenance' && admin ? html`<${Card} title="Plan maintenance"><${WindowForm} one=${null} done=${windows.reload} /><//>` : null}
    <${Card} title="Maintenance" sub="times in which nobody is told" busy=${windows.busy} actions=${html`<button class="button" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => setParams({ edit: 'maintenance' })}><${Icon} name="plus" />Plan maintenance</button>`}><${Faces} load=${windows} what="maintenance windows">${(/** @type {any} */ data) => (data.items.length ? html`<ol class="silence-list">${data.items.map((/** @type {any} */ one) => html`<${Window} key=${one.id} one=${one} changed=${windows.reload} />`)}</ol>` : html`<${Empty} title="No maintenance is planned." />`)}<//><//></div>`;
}

/** @param {{done: () => void}} props */
function Form({ done }) {
  const of = params.value.get('of');
  const alert = useLoad(of ? `/api/v1/alerts/${encodeURIComponent(of)}` : null, { subject: of ?? '' });
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const { wrong, ask } = useAsking();
  const labels = alert.data ? Object.entries(alert.data.labels ?? {}) : [];
  const text = labels.map((/** @type {any} */ one) => matcher(one)).join(', ');
  useEffect(() => { if (text && field.current) { field.current.value = text; field.current.focus(); } }, [text]);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const fields = new FormData(form);
    ask(async () => {
      await request('/api/v1/silences', { method: 'POST', body: { matchers: split(String(fields.get('matchers'))), duration: String(fields.get('length')), comment: String(fields.get('comment')).trim() } });
      form.reset();
      setParams({ of: null }, { replace: true });
      toast('Silenced');
      done();
    });
  };
  return html`<${Card} title=${alert.data ? `Silence ${alert.data.rule_name ?? 'this alert'}` : 'New silence'}><form class="rule-form" onSubmit=${submit}>
    <label class="wide">Alerts whose labels match<input class="mono" ref=${field} name="matchers" required autocomplete="off" spellcheck=${false} placeholder=${'service="chat", severity!="critical"'} aria-describedby="silence-wrong" /></label>
    <label>For<select name="length">${LENGTHS.map(([value, name]) => html`<option value=${value} selected=${value === '1h'}>${name}</option>`)}</select></label>
    <label class="silence-why">Why<input name="comment" required maxlength="2000" autocomplete="off" placeholder="the provider is being moved" /></label>
    <p class="field-error wide" id="silence-wrong" role="alert">${wrong}</p>
    <div class="wide"><button class="button primary" type="submit">Silence</button></div></form><//>`;
}

const WORDS = /** @type {Record<string, [string, string, string]>} */ ({ active: ['silence', 'info', 'Active'], pending: ['clock', 'unk', 'To come'], expired: ['tick', 'unk', 'Over'] });

/** Opens a form below its row, or closes it. @param {{what: string, name: string}} props */
function Change({ what, name }) {
  const open = params.value.get('edit') === what;
  return html`<button class="button" disabled=${!isAdmin()} title=${refusal()} aria-expanded=${open} aria-label=${`Change ${name}`} onClick=${() => setParams({ edit: open ? null : what })}>Change</button>`;
}

/** @param {{one: any, admin: boolean, changed: () => void}} props */
function One({ one, admin, changed }) {
  const { wrong, ask } = useAsking();
  const [icon, tone, word] = WORDS[one.state] ?? ['question', 'unk', one.state];
  const end = () => ask(async () => {
    await request(`/api/v1/silences/${one.id}`, { method: 'DELETE' });
    changed();
  });
  const ends = Number(instant(one.ends_at));
  const key = `silence:${one.id}`;
  return html`<li><span class=${`chip ${tone}`}><${Icon} name=${icon} />${word}</span><div class="alert-what"><code>${one.matchers.join(', ')}</code><p class="quiet small">${one.comment} · ${one.created_by}${one.updated_by === one.created_by ? '' : `, changed by ${one.updated_by}`}</p>${wrong ? html`<p class="field-error" role="alert">${wrong}</p>` : null}</div>
    <time class="quiet small" datetime=${one.ends_at}>${one.state === 'expired' ? `ended ${shortDateTime(ends, zone.value)}` : `ends in ${lasted(now.value, ends)}`}</time>
    ${one.state === 'expired' ? html`<span></span>` : html`<span class="rule-acts"><${Change} what=${key} name=${`the silence of ${one.matchers.join(', ')}`} /><button class="button" disabled=${!admin} onClick=${end}>End now</button></span>`}
    ${admin && one.state !== 'expired' && params.value.get('edit') === key ? html`<div class="way-form"><${SilenceForm} one=${one} done=${changed} /></div>` : null}</li>`;
}

/** @param {{one: any, changed: () => void}} props */
function Window({ one, changed }) {
  const span = one.now ?? one.next;
  const key = `maintenance:${one.id}`;
  return html`<li><span class=${`chip ${one.now ? 'info' : 'unk'}`}><${Icon} name=${one.now ? 'silence' : 'clock'} />${one.now ? 'Lasts' : span ? 'To come' : 'Over'}</span><div class="alert-what"><b>${one.name}</b> <code>${one.matchers.join(', ')}</code><p class="quiet small">${one.comment}${one.at ? ` · at ${one.at}, ${plural(one.minutes, 'minute')}${one.weekdays.length ? `, ${one.weekdays.join(' ')}` : ''}, ${one.timezone}` : ''}</p></div>
    <span class="quiet small">${span ? `${shortDateTime(Number(instant(span.from)), zone.value)} – ${shortDateTime(Number(instant(span.to)), zone.value)}` : ''}</span><${Change} what=${key} name=${one.name} />
    ${isAdmin() && params.value.get('edit') === key ? html`<div class="way-form"><${WindowForm} one=${one} done=${changed} /></div>` : null}</li>`;
}
