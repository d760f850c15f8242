// @ts-check
/**
 * Forms of what is not told: a silence that is not over, and maintenance, planned or changed.
 *
 * Given: one of them as the server shows it, or none. Gives: the form. Never: the change of somebody else undone unseen.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { request } from '../api.js';
import { instant } from '../format.js';
import { setParams, zone } from '../url.js';
import { Field, Mistakes, Twice, inputOf, useSending } from '../parts/form.js';
import { toast } from '../parts/toast.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Matchers apart from one another: commas outside of quotes. @param {string} text */
export const split = (text) => (text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []).map((one) => one.trim()).filter(Boolean);

/** A moment as fields of this browser show it. @param {string | null | undefined} text */
function local(text) {
  if (!text) return '';
  const at = new Date(Number(instant(text)));
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What a field says of a moment: as it was where nobody touched it. @param {string} said @param {string | null | undefined} before */
const moment = (said, before) => (said === local(before) ? before ?? null : said ? new Date(said).toISOString() : null);

/** @param {string} path @param {any} one @param {() => void} done @param {(said: (name: string) => string, fields: FormData) => any} body */
function useForm(path, one, done, body) {
  const { form, wrong, busy, send } = useSending();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const seen = one ? { updated_at: one.updated_at } : {};
    send(async () => {
      await request(one ? `${path}/${one.id}` : path, { method: one ? 'PUT' : 'POST', body: { ...body((name) => String(fields.get(name) ?? '').trim(), fields), ...seen } });
      toast(one ? 'Changed' : 'Planned');
      done();
      setParams({ edit: null });
    });
  };
  const field = (/** @type {string} */ key, /** @type {string} */ label, /** @type {string} */ value, /** @type {Record<string, any>} */ more = {}, help = '') => html`<${Field} id=${`kept-${key}`} label=${label} help=${help} wrong=${wrong[key]}><input ...${inputOf(`kept-${key}`, key, wrong)} defaultValue=${value} ...${more} /><//>`;
  return { form, wrong, busy, submit, field };
}

/** @param {{yes: string, busy: boolean, children?: any}} props */
const Acts = ({ yes, busy, children }) => html`<div class="wide rule-acts"><button class="button primary" type="submit" disabled=${busy}>${yes}</button><button class="button" type="button" onClick=${() => setParams({ edit: null })}>Cancel</button>${children}</div>`;

/** Other matchers, another end or reason. @param {{one: any, done: () => void}} props */
export function SilenceForm({ one, done }) {
  const { form, wrong, busy, submit, field } = useForm('/api/v1/silences', one, done, (said) => ({ matchers: split(said('matchers')), comment: said('comment'), starts_at: one.starts_at, ends_at: moment(said('ends_at'), one.ends_at) }));
  return html`<form class="fields way-fields" ref=${form} onSubmit=${submit} novalidate><${Mistakes} wrong=${wrong} />
    ${field('matchers', 'Alerts whose labels match', one.matchers.join(', '), { class: 'mono' }, 'by commas; all have to match')}${field('ends_at', 'Until', local(one.ends_at), { type: 'datetime-local' }, 'by this browser’s clock')}${field('comment', 'Why', one.comment)}
    <${Acts} yes="Save" busy=${busy} /></form>`;
}

/** Once, between two moments, or at a time of day again and again. @param {{one: any, done: () => void}} props */
export function WindowForm({ one, done }) {
  const [again, setAgain] = useState(Boolean(one?.at));
  const { form, wrong, busy, submit, field } = useForm('/api/v1/maintenance', one, done, (said, fields) => ({
    name: said('name'), comment: said('comment'), matchers: split(said('matchers')),
    ...(again ? { at: said('at'), minutes: said('minutes') ? Number(said('minutes')) : null, weekdays: DAYS.filter((day) => fields.has(day)), month_days: one?.month_days ?? [], timezone: said('timezone') || null, ...(one?.at ? { starts_at: one.starts_at, ends_at: one.ends_at } : {}) } : { starts_at: moment(said('starts_at'), one?.starts_at), ends_at: moment(said('ends_at'), one?.ends_at) }),
  }));
  const remove = async () => { await request(`/api/v1/maintenance/${one.id}`, { method: 'DELETE' }); toast(`Taken away: ${one.name}`); done(); setParams({ edit: null }); };
  return html`<form class="fields way-fields" ref=${form} onSubmit=${submit} novalidate><${Mistakes} wrong=${wrong} />
    ${field('name', 'Name', one?.name ?? '')}${field('matchers', 'Alerts whose labels match', one?.matchers.join(', ') ?? '', { class: 'mono', placeholder: 'service="db"' }, 'by commas; all have to match')}${field('comment', 'Why', one?.comment ?? '')}
    <div class="checks wide"><label class="check"><input type="checkbox" checked=${again} onChange=${() => setAgain(!again)} /> Again and again</label></div>
    ${again ? html`${field('at', 'At', one?.at ?? '02:00', { type: 'time' })}${field('minutes', 'For (min)', String(one?.minutes ?? 60), { inputmode: 'numeric' })}${field('timezone', 'Time zone', one?.timezone ?? zone.value)}
      <fieldset class="checks wide"><legend class="quiet small">On (none: every day)</legend>${DAYS.map((day) => html`<label class="check" key=${day}><input type="checkbox" name=${day} defaultChecked=${one?.weekdays.includes(day) ?? false} /> ${day}</label>`)}</fieldset>` : html`${field('starts_at', 'From', local(one?.starts_at), { type: 'datetime-local' }, 'empty: now; by this browser’s clock')}${field('ends_at', 'To', local(one?.ends_at), { type: 'datetime-local' })}`}
    <${Acts} yes=${one ? 'Save' : 'Plan it'} busy=${busy}>${one ? html`<${Twice} label="Delete …" sure=${`Delete ${one.name}?`} yes="Delete it" deed=${remove} />` : null}<//></form>`;
}
