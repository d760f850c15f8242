// @ts-check
/**
 * What a channel is told, in a form: a new one, or another word for one that there is.
 *
 * Given: the channel as the server shows it, or none. Gives: the form by kind, its mistakes beside their fields.
 * Never: a secret shown; one whose field stays empty stays as it is.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { request } from '../api.js';
import { list } from '../alert/ways.js';
import { Field, Mistakes, inputOf, useSending } from '../parts/form.js';

/** What the form asks for, by kind: name, label, example, whether it is a secret, whether it must be there. @type {Record<string, {word: string, fields: [string, string, string, boolean, boolean][]}>} */
export const KINDS = {
  slack: { word: 'Slack', fields: [['url', 'Incoming webhook', 'hooks.slack.com/services/…', true, false], ['token', 'or a bot’s token', 'xoxb-…', true, false], ['channel', 'Channel of the bot', '#alerts', false, false]] },
  pagerduty: { word: 'PagerDuty', fields: [['routing_key', 'Integration key', '32 letters and digits', true, true], ['region', 'Region', 'us or eu', false, false]] },
  email: { word: 'E-mail', fields: [['host', 'Mail server', 'smtp.example.com', false, true], ['port', 'Port', '587', false, false], ['username', 'User', '', false, false], ['password', 'Password', '', true, false], ['from', 'From', 'alerts@example.com', false, true], ['to', 'To', 'oncall@example.com, ops@example.com', false, true]] },
  sms: { word: 'SMS (Twilio)', fields: [['account_sid', 'Account', 'AC…', false, true], ['auth_token', 'Token', '', true, true], ['from', 'From', '+15550100', false, false], ['to', 'To', '+15550123', false, true]] },
  webhook: { word: 'Webhook', fields: [['url', 'Address', 'where to post to', true, true], ['secret', 'Secret that signs', '', true, false]] },
  alertmanager: { word: 'Alertmanager', fields: [['url', 'Address', 'alertmanager:9093', false, true], ['token', 'Token', '', true, false]] },
  apprise: { word: 'Other (Apprise)', fields: [['url', 'Apprise address', 'ntfy://topic', true, true]] },
};
/** What the server says of a channel and is not told. */
const OF_A_SERVER = ['id', 'created_at', 'updated_at', 'updated_by', 'last_delivered_at', 'last_delivered', 'last_failed_at', 'last_failed', 'failed_in_a_row'];

/** A channel as it is sent back: what was typed in place of what there was; secrets go as they were shown, which means that they stay. @param {any} one @param {string} kind @param {(name: string) => string} said */
function bodyOf(one, kind, said) {
  const before = Object.fromEntries(Object.entries(one ?? {}).filter(([name]) => !OF_A_SERVER.includes(name)));
  const fields = KINDS[kind].fields.flatMap(([name, , , secret]) => {
    const text = said(name);
    if (!text) return secret || !one ? [] : [[name, null]];
    return [[name, name === 'port' && Number.isInteger(Number(text)) ? Number(text) : name === 'to' && kind === 'email' ? list(text) : text]];
  });
  return { ...before, type: kind, ...Object.fromEntries(fields) };
}

/** @param {{one: any, close: () => void, done: () => void}} props */
export function ChannelForm({ one, close, done }) {
  const [kind, setKind] = useState(one?.type ?? 'slack');
  const { form, wrong, busy, send } = useSending();
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const said = (/** @type {string} */ key) => String(fields.get(key) ?? '').trim();
    const body = { ...bodyOf(one, kind, said), name: said('name'), allow_private: fields.has('allow_private'), ...(one ? { enabled: fields.has('enabled') } : {}) };
    send(async () => {
      await request(one ? `/api/v1/channels/${encodeURIComponent(one.id)}` : '/api/v1/channels', { method: one ? 'PUT' : 'POST', body });
      done();
    });
  };
  return html`<form class="fields way-fields" ref=${form} onSubmit=${submit} novalidate><${Mistakes} wrong=${wrong} />
    ${one ? null : html`<${Field} id="channel-kind" label="Kind"><select id="channel-kind" value=${kind} onChange=${(/** @type {any} */ event) => setKind(event.target.value)}>${Object.entries(KINDS).map(([key, each]) => html`<option key=${key} value=${key}>${each.word}</option>`)}</select><//>`}
    <${Field} id="channel-name" label="Name" wrong=${wrong.name}><input ...${inputOf('channel-name', 'name', wrong)} defaultValue=${one?.name ?? ''} placeholder="on call" /><//>
    ${KINDS[kind].fields.map(([key, label, example, secret]) => html`<${Told} key=${`${kind} ${key}`} one=${one} name=${key} label=${label} example=${example} secret=${secret} wrong=${wrong} />`)}
    <div class="checks wide">${one ? html`<label class="check"><input type="checkbox" name="enabled" defaultChecked=${one.enabled} /> In use</label>` : null}<label class="check"><input type="checkbox" name="allow_private" defaultChecked=${one?.allow_private ?? false} /> It is in a private network, or on this machine</label></div>
    <div class="wide rule-acts"><button class="button primary" type="submit" disabled=${busy}>${one ? 'Save' : 'Make the channel'}</button><button class="button" type="button" onClick=${close}>Cancel</button></div></form>`;
}

/** One thing that a channel is told. @param {{one: any, name: string, label: string, example: string, secret: boolean, wrong: Record<string, string>}} props */
function Told({ one, name, label, example, secret, wrong }) {
  const id = `channel-${name}`;
  const value = one?.[name];
  const kept = secret && value;
  return html`<${Field} id=${id} label=${label} wrong=${wrong[name]} help=${kept ? (value === 'set' ? 'set; empty: as it is' : `now ${value}; empty: as it is`) : ''}>
    <input ...${inputOf(id, name, wrong)} type=${secret ? 'password' : 'text'} placeholder=${kept ? '' : example} autocomplete=${secret ? 'new-password' : 'off'} defaultValue=${secret ? '' : [value ?? ''].flat().join(', ')} /><//>`;
}
