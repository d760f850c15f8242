// @ts-check
/**
 * Routing: which alerts go where, who is told next when nobody takes care, and which alerts hold back others.
 *
 * Given: routes, escalations and inhibitions of the server; `edit` in the URL: one of them. Gives: lists in the order in which they hold, a form each.
 * Never: an alert that no route takes; what is left goes the default way.
 */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, useLoad } from '../api.js';
import { duration, plural } from '../format.js';
import { params, setParams } from '../url.js';
import { labelText, labelsOf, list, routeWords, stepText, stepsOf } from '../alert/ways.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Field, Mistakes, NotAllowed, Twice, inputOf, isAdmin, refusal, useSending } from '../parts/form.js';
import { toast } from '../parts/toast.js';
import { AlertPlaces } from '../parts/places.js';
import { split } from './silence-forms.js';

export const title = 'Routing';
export const name = 'Alert routing';
export const styles = '/assets/pages/alerts.css';

const edit = (/** @type {string | null} */ what) => setParams({ edit: what });
const New = (/** @type {{what: string, children: any}} */ { what, children }) => html`<button class="button" disabled=${!isAdmin()} title=${refusal()} onClick=${() => edit(what)}><${Icon} name="plus" />${children}</button>`;

export function View() {
  const routes = useLoad('/api/v1/routes');
  const escalations = useLoad('/api/v1/escalations');
  const inhibitions = useLoad('/api/v1/inhibitions');
  const channels = useLoad('/api/v1/channels');
  const ways = (channels.data?.items ?? []).map((/** @type {any} */ one) => one.name);
  const steps = escalations.data?.items ?? [];
  return html`<div class="page alerts-page"><${AlertPlaces} /><${NotAllowed} what="Changing who is told" />
    <${Section} load=${routes} title="Routes" what="routes" sub="asked from the top; the first that fits takes the alert" kind="route" add="New route" form=${RouteForm} more=${{ ways, steps }}
      row=${(/** @type {any} */ one) => html`<b>${one.name}</b>${one.enabled ? '' : html` <span class="quiet">off</span>`}<p class="quiet small">${routeWords(one)} → ${told(one.channels)}${one.escalation ? ` · then ${steps.find((/** @type {any} */ each) => each.id === one.escalation)?.name ?? 'an escalation'}` : ''} · together by ${one.group_by.join(', ') || 'nothing'}${one.repeat_seconds ? ` · again every ${duration(one.repeat_seconds * 1e9)}` : ''}</p>`} />
    <${Section} load=${escalations} title="Escalations" what="escalations" sub="who is told next when nobody acknowledges" kind="escalation" add="New escalation" form=${EscalationForm} more=${{ ways }}
      row=${(/** @type {any} */ one) => html`<b>${one.name}</b><p class="quiet small">${one.steps.map((/** @type {any} */ step) => `after ${duration(step.delay_seconds * 1e9)}: ${step.channels.join(', ')}`).join(' · ')}${one.repeats ? ` · all of it ${plural(one.repeats, 'more time')}` : ''}</p>`} />
    <${Section} load=${inhibitions} title="Inhibitions" what="inhibitions" sub="an alert that explains others keeps them from being told" kind="inhibition" add="New inhibition" form=${InhibitionForm} more=${{}}
      row=${(/** @type {any} */ one) => html`<b>${one.name}</b><p class="quiet small">while <code>${one.source.join(', ')}</code> fires, nobody is told of <code>${one.target.join(', ')}</code>${one.equal.length ? ` with the same ${one.equal.join(', ')}` : ''}</p>`} /></div>`;
}

/** @param {string[]} channels */
const told = (channels) => (channels.includes('*') ? 'every channel' : channels.length ? channels.join(', ') : 'nobody');

/** @param {{load: import('../api.js').Load, title: string, what: string, sub: string, kind: string, add: string, form: any, more: any, row: (one: any) => any}} props */
function Section({ load, title: heading, what, sub, kind, add, form: Form, more, row }) {
  const editing = isAdmin() ? params.value.get('edit') ?? '' : '';
  const done = (/** @type {string} */ text) => { edit(null); load.reload(); toast(text); };
  return html`${editing === kind ? html`<${Card} title=${add}><${Form} one=${null} done=${done} ...${more} /><//>` : null}
    <${Card} title=${heading} sub=${sub} busy=${load.busy} actions=${html`<${New} what=${kind}>${add}<//>`}><${Faces} load=${load} what=${what}>${(/** @type {any} */ data) => (data.items.length ? html`<ol class="way-list">${data.items.map((/** @type {any} */ one) => {
      const key = `${kind}:${one.id}`;
      return html`<li key=${one.id} class=${editing === key ? 'open' : ''}><div class="alert-what">${row(one)}</div><button class="button" disabled=${!isAdmin()} title=${refusal()} aria-expanded=${editing === key} aria-label=${`Change ${one.name}`} onClick=${() => edit(editing === key ? null : key)}>Change</button>
        ${editing === key ? html`<div class="way-form"><${Form} key=${key} one=${one} done=${done} ...${more} /></div>` : null}</li>`;
    })}</ol>` : html`<${Empty} title="None yet." />`)}<//><//>`;
}

/** What every form has at its end. @param {{one: any, busy: boolean, remove?: (() => Promise<void>) | null}} props */
function Acts({ one, busy, remove }) {
  return html`<div class="wide rule-acts"><button class="button primary" type="submit" disabled=${busy}>${one ? 'Save' : 'Make it'}</button><button class="button" type="button" onClick=${() => edit(null)}>Cancel</button>${one && remove ? html`<${Twice} label="Delete …" sure=${`Delete ${one.name}?`} yes="Delete it" deed=${remove} />` : null}</div>`;
}

/** Sends a form's body; deletes what it is about. @param {string} path @param {any} one @param {(text: string) => void} done @param {(said: (name: string) => string, fields: FormData) => any} body */
function useForm(path, one, done, body) {
  const sending = useSending();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    sending.send(async () => {
      const kept = await request(one ? `${path}/${encodeURIComponent(one.id)}` : path, { method: one ? 'PUT' : 'POST', body: body((name) => String(fields.get(name) ?? '').trim(), fields) });
      done(`Saved: ${kept.name}`);
    });
  };
  const remove = async () => { await request(`${path}/${encodeURIComponent(one.id)}`, { method: 'DELETE' }); done(`Deleted: ${one.name}`); };
  const field = (/** @type {string} */ key, /** @type {string} */ label, /** @type {any} */ value, /** @type {string} */ help = '', /** @type {Record<string, any>} */ more = {}) => html`<${Field} id=${`way-${key}`} label=${label} help=${help} wrong=${wrongOf(sending.wrong, key)} class=${more.class ?? ''}>${more.rows ? html`<textarea ...${inputOf(`way-${key}`, key, sending.wrong)} rows=${more.rows} placeholder=${more.placeholder} defaultValue=${value}></textarea>` : html`<input ...${inputOf(`way-${key}`, key, sending.wrong)} placeholder=${more.placeholder} list=${more.list} readonly=${more.readonly} defaultValue=${value} />`}<//>`;
  return { ...sending, submit, remove, field };
}

/** What is wrong with a field, or with a part of it. @param {Record<string, string>} wrong @param {string} key */
const wrongOf = (wrong, key) => wrong[key] ?? '';

/** @param {{one: any, done: (text: string) => void, ways: string[], steps: any[]}} props */
function RouteForm({ one, done, ways, steps }) {
  const fixed = one?.id === 'default';
  const seconds = (/** @type {string} */ text) => (text === '' ? null : Number.isNaN(Number(text)) ? text : Number(text));
  const { form, wrong, busy, submit, remove, field } = useForm('/api/v1/routes', one, done, (said, fields) => {
    const { id, created_at, updated_at, updated_by, ...before } = one ?? {};
    return {
      ...before, name: said('name'), ...(fixed ? {} : { matchers: labelsOf(said('matchers')), severities: list(said('severities')), enabled: fields.has('enabled'), ...(said('position') ? { position: seconds(said('position')) } : {}) }),
      channels: list(said('channels')), continue: fields.has('continue'), group_by: list(said('group_by')), group_wait_seconds: seconds(said('group_wait_seconds')) ?? 30, group_interval_seconds: seconds(said('group_interval_seconds')) ?? 300,
      repeat_seconds: seconds(said('repeat_seconds')), escalation: said('escalation') || null,
    };
  });
  return html`<form class="fields way-fields" ref=${form} onSubmit=${submit} novalidate><${Mistakes} wrong=${wrong} />
    ${field('name', 'Name', one?.name ?? '', '', { readonly: fixed })}
    ${fixed ? null : html`${field('matchers', 'Alerts whose labels are', labelText(one?.matchers), 'by commas; * stands for anything, ! for not', { placeholder: 'service=chat-*, tenant=acme' })}${field('severities', 'Of severity', (one?.severities ?? []).join(', '), 'critical, error, warning, info; empty: any')}`}
    ${field('channels', 'Tell', (one?.channels ?? ['*']).join(', '), `* for every channel${ways.length ? `; there are: ${ways.join(', ')}` : ''}`)}
    <${Field} id="way-escalation" label="When nobody acknowledges" wrong=${wrong.escalation}><select ...${inputOf('way-escalation', 'escalation', wrong)}><option value="">nobody else is told</option>${steps.map((each) => html`<option key=${each.id} value=${each.id} selected=${one?.escalation === each.id}>${each.name}</option>`)}</select><//>
    ${field('group_by', 'In one message', (one?.group_by ?? ['rule']).join(', '), 'alerts of the same rule, service, …')}
    ${field('group_wait_seconds', 'Waits for more (s)', one?.group_wait_seconds ?? 30, 'before the first message')}
    ${field('group_interval_seconds', 'Between messages (s)', one?.group_interval_seconds ?? 300)}
    ${field('repeat_seconds', 'Says it again every (s)', one?.repeat_seconds ?? '', 'while it fires; empty: never')}
    ${fixed ? null : field('position', 'Place in the order', one?.position ?? '', 'the smallest is asked first; empty: behind the others')}
    <div class="checks wide">${fixed ? null : html`<label class="check"><input type="checkbox" name="enabled" defaultChecked=${one?.enabled ?? true} /> In use</label>`}<label class="check"><input type="checkbox" name="continue" defaultChecked=${one?.continue ?? false} /> Routes behind it are asked too</label></div>
    <${Acts} one=${one} busy=${busy} remove=${fixed ? null : remove} /></form>`;
}

/** @param {{one: any, done: (text: string) => void, ways: string[]}} props */
function EscalationForm({ one, done, ways }) {
  const { form, wrong, busy, submit, remove, field } = useForm('/api/v1/escalations', one, done, (said) => ({ name: said('name'), steps: stepsOf(said('steps')), repeats: Number(said('repeats') || 0), ...(one ? { version: one.version } : {}) }));
  return html`<form class="fields way-fields" ref=${form} onSubmit=${submit} novalidate><${Mistakes} wrong=${wrong} />
    ${field('name', 'Name', one?.name ?? '')}
    ${field('steps', 'Steps, one a line', one ? stepText(one.steps) : '', ways.length ? `channels: ${ways.join(', ')}` : 'there are no channels yet', { rows: 4, placeholder: 'after 10 min: sms', class: 'wide' })}
    ${field('repeats', 'All of it once more, times', one?.repeats ?? 0)}
    <${Acts} one=${one} busy=${busy} remove=${remove} /></form>`;
}

/** @param {{one: any, done: (text: string) => void}} props */
function InhibitionForm({ one, done }) {
  const seen = one ? { updated_at: one.updated_at } : {};
  const { form, wrong, busy, submit, remove, field } = useForm('/api/v1/inhibitions', one, done, (said) => ({ name: said('name'), source: split(said('source')), target: split(said('target')), equal: list(said('equal')), ...seen }));
  return html`<form class="fields way-fields" ref=${form} onSubmit=${submit} novalidate><${Mistakes} wrong=${wrong} />
    ${field('name', 'Name', one?.name ?? '', one ? `made by ${one.created_by}` : '', { placeholder: 'a host that is down explains the rest' })}
    ${field('source', 'While this fires', one?.source.join(', ') ?? '', 'matchers by commas', { placeholder: 'alertname="HostDown"' })}
    ${field('target', 'nobody is told of', one?.target.join(', ') ?? '', 'matchers by commas', { placeholder: 'severity=~"warning|info"' })}
    ${field('equal', 'where these labels are the same', one?.equal.join(', ') ?? '', 'by commas', { placeholder: 'instance' })}
    <${Acts} one=${one} busy=${busy} remove=${remove} /></form>`;
}
