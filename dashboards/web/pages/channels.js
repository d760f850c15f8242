// @ts-check
/**
 * Channels: the ways to somebody, and whether they work.
 *
 * Given: the channels of the server. Gives: a list with a test for each, a form by kind.
 * Never: a secret shown; what is set is replaced, or stays.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { ApiError, request, session, useLoad } from '../api.js';
import { instant, plural } from '../format.js';
import { link } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { toast } from '../parts/toast.js';
import { SettingPlaces } from '../parts/places.js';

export const title = 'Settings';
export const name = 'Channels · Settings';
export const styles = '/assets/pages/alerts.css';

/** What the form asks for, by kind: name, label, example, whether it is a secret, whether it must be there. @type {Record<string, {word: string, fields: [string, string, string, boolean, boolean][]}>} */
const KINDS = {
  slack: { word: 'Slack', fields: [['url', 'Incoming webhook', 'hooks.slack.com/services/…', true, false], ['token', 'or a bot’s token', 'xoxb-…', true, false], ['channel', 'Channel of the bot', '#alerts', false, false]] },
  pagerduty: { word: 'PagerDuty', fields: [['routing_key', 'Integration key', '32 letters and digits', true, true], ['region', 'Region', 'us or eu', false, false]] },
  email: { word: 'E-mail', fields: [['host', 'Mail server', 'smtp.example.com', false, true], ['port', 'Port', '587', false, false], ['username', 'User', '', false, false], ['password', 'Password', '', true, false], ['from', 'From', 'alerts@example.com', false, true], ['to', 'To', 'oncall@example.com, ops@example.com', false, true]] },
  sms: { word: 'SMS (Twilio)', fields: [['account_sid', 'Account', 'AC…', false, true], ['auth_token', 'Token', '', true, true], ['from', 'From', '+15550100', false, false], ['to', 'To', '+15550123', false, true]] },
  webhook: { word: 'Webhook', fields: [['url', 'Address', 'where to post to', true, true], ['secret', 'Secret that signs', '', true, false]] },
  alertmanager: { word: 'Alertmanager', fields: [['url', 'Address', 'alertmanager:9093', false, true], ['token', 'Token', '', true, false]] },
  apprise: { word: 'Other (Apprise)', fields: [['url', 'Apprise address', 'ntfy://topic', true, true]] },
};

export function View() {
  const load = useLoad('/api/v1/channels', { every: 15_000 });
  const [adding, setAdding] = useState(false);
  const admin = session.value?.role === 'admin';
  return html`<div class="page alerts-page"><${SettingPlaces} />
    ${adding ? html`<${Form} close=${() => setAdding(false)} done=${() => { setAdding(false); load.reload(); toast('Made: test it now'); }} />` : null}
    <${Card} title="Channels" sub=${load.data ? plural(load.data.items.length, 'way', 'ways') + ' to somebody' : ''} busy=${load.busy} actions=${html`<button class="button primary" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => setAdding(true)}><${Icon} name="plus" />New channel</button>`}>
      <${Faces} load=${load} what="channels">${(/** @type {any} */ data) => (data.items.length ? html`<ol class="silence-list channel-list">${data.items.map((/** @type {any} */ one) => html`<${One} key=${one.id} one=${one} admin=${admin} changed=${load.reload} />`)}</ol>` : html`<${Empty} title="Nobody is told of alerts yet."><p class="quiet">Alerts stand on the page Alerts; a channel carries them to Slack, PagerDuty, e-mail, a telephone or a program.</p><//>`)}<//><//>
    <p class="quiet small">What you yourself want to hear, and when to leave you alone, is under <a href=${link('/settings', {}, ['tz'])}>Me</a>.</p></div>`;
}

/** @param {any} one @returns {[string, string, string]} */
function standing(one) {
  if (!one.enabled) return ['dash', 'unk', 'Off'];
  if (one.failed_in_a_row) return ['octagon', 'crit', 'Failing'];
  return one.last_delivered_at ? ['tick', 'ok', 'Works'] : ['question', 'unk', 'Not tested'];
}

/** @param {{one: any, admin: boolean, changed: () => void}} props */
function One({ one, admin, changed }) {
  const [told, setTold] = useState('');
  const [sure, setSure] = useState(false);
  const [icon, tone, word] = standing(one);
  const ask = async (/** @type {() => Promise<void>} */ what) => {
    try {
      await what();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setTold(failure.message);
    }
    changed();
  };
  const test = () => ask(async () => { setTold('Sending …'); setTold((await request(`/api/v1/channels/${one.id}/test`, { method: 'POST' })).sentence); });
  const remove = () => ask(async () => { await request(`/api/v1/channels/${one.id}`, { method: 'DELETE' }); toast(`Deleted: ${one.name}`); });
  return html`<li><span class=${`chip ${tone}`}><${Icon} name=${icon} />${word}</span>
    <div class="alert-what"><b>${one.name}</b> <span class="quiet">${KINDS[one.type]?.word ?? one.type}</span>
      <p class="quiet small">${one.failed_in_a_row ? html`failed ${plural(one.failed_in_a_row, 'time')} in a row: ${one.last_failed}` : one.last_delivered_at ? html`${one.last_delivered}, <${Ago} ms=${instant(one.last_delivered_at)} />` : 'nothing was sent yet'}</p>
      ${told ? html`<p class="small" role="status">${told}</p>` : null}</div>
    <span></span><span class="rule-acts">${sure ? html`<span class="small">Delete ${one.name}?</span><button class="button" onClick=${remove}>Delete it</button><button class="button" onClick=${() => setSure(false)}>Keep it</button>` : html`<button class="button" disabled=${!admin} onClick=${test}>Test</button><button class="button" disabled=${!admin} aria-label=${`Delete ${one.name} …`} onClick=${() => setSure(true)}>Delete …</button>`}</span></li>`;
}

/** @param {{close: () => void, done: () => void}} props */
function Form({ close, done }) {
  const [kind, setKind] = useState('slack');
  const [wrong, setWrong] = useState(/** @type {string[]} */ ([]));
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const given = KINDS[kind].fields.map(([name]) => [name, String(fields.get(name) ?? '').trim()]).filter(([, value]) => value);
    const body = Object.fromEntries(given.map(([name, value]) => [name, name === 'port' ? Number(value) : name === 'to' && kind === 'email' ? value.split(',').map((one) => one.trim()) : value]));
    try {
      await request('/api/v1/channels', { method: 'POST', body: { name: String(fields.get('channel-name')).trim(), type: kind, ...body, ...(fields.get('private') ? { allow_private: true } : {}) } });
      done();
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure;
      setWrong(failure.problem.errors?.map((/** @type {any} */ one) => `${one.parameter ?? ''} ${one.detail ?? one.message ?? one.allowed ?? ''}`.trim()) ?? [failure.message]);
    }
  };
  return html`<${Card} title="New channel"><form class="rule-form" onSubmit=${submit}>
    <label>Kind<select value=${kind} onChange=${(/** @type {any} */ event) => setKind(event.target.value)}>${Object.entries(KINDS).map(([key, one]) => html`<option value=${key}>${one.word}</option>`)}</select></label>
    <label>Name<input name="channel-name" required maxlength="200" autocomplete="off" placeholder="on call" /></label>
    ${KINDS[kind].fields.map(([key, text, example, secret, must]) => html`<label key=${`${kind} ${key}`}>${text}<input name=${key} type=${secret ? 'password' : 'text'} required=${must} placeholder=${example} autocomplete="off" spellcheck=${false} /></label>`)}
    <label class="facet wide"><input type="checkbox" name="private" /><span>It is in a private network, or on this machine</span></label>
    <div class="wide" role="alert">${wrong.map((one) => html`<p class="field-error" key=${one}>${one}</p>`)}</div>
    <div class="wide rule-acts"><button class="button primary" type="submit">Make the channel</button><button class="button" type="button" onClick=${close}>Cancel</button></div></form><//>`;
}
