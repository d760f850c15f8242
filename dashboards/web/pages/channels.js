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
import { refused, request, session, useLoad } from '../api.js';
import { instant, plural } from '../format.js';
import { link, params, setParams } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { toast } from '../parts/toast.js';
import { NotAllowed, Twice } from '../parts/form.js';
import { SettingPlaces } from '../parts/places.js';
import { ChannelForm, KINDS } from './channel-form.js';

export const title = 'Settings';
export const name = 'Channels · Settings';
export const styles = '/assets/pages/alerts.css';

export function View() {
  const load = useLoad('/api/v1/channels', { every: 15_000 });
  const editing = params.value.get('edit');
  const edit = (/** @type {string | null} */ what) => setParams({ edit: what });
  const done = (/** @type {string} */ text) => { edit(null); load.reload(); toast(text); };
  const admin = session.value?.role === 'admin';
  return html`<div class="page alerts-page"><${SettingPlaces} /><${NotAllowed} what="Changing channels" />
    ${editing === 'new' && admin ? html`<${Card} title="New channel"><${ChannelForm} one=${null} close=${() => edit(null)} done=${() => done('Made: test it now')} /><//>` : null}
    <${Card} title="Channels" sub=${load.data ? plural(load.data.items.length, 'way', 'ways') + ' to somebody' : ''} busy=${load.busy} actions=${html`<button class="button primary" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => edit('new')}><${Icon} name="plus" />New channel</button>`}>
      <${Faces} load=${load} what="channels">${(/** @type {any} */ data) => (data.items.length ? html`<ol class="silence-list channel-list">${data.items.map((/** @type {any} */ one) => html`<${One} key=${one.id} one=${one} admin=${admin} changed=${load.reload} open=${admin && editing === one.id} edit=${edit} done=${done} />`)}</ol>` : html`<${Empty} title="Nobody is told of alerts yet."><p class="quiet">Alerts stand on the page Alerts; a channel carries them to Slack, PagerDuty, e-mail, a telephone or a program.</p><//>`)}<//><//>
    <p class="quiet small">What you yourself want to hear, and when to leave you alone, is under <a href=${link('/settings', {}, ['tz'])}>Me</a>.</p></div>`;
}

/** @param {any} one @returns {[string, string, string]} */
function standing(one) {
  if (!one.enabled) return ['dash', 'unk', 'Off'];
  if (one.failed_in_a_row) return ['octagon', 'crit', 'Failing'];
  return one.last_delivered_at ? ['tick', 'ok', 'Works'] : ['question', 'unk', 'Not tested'];
}

/** @param {{one: any, admin: boolean, changed: () => void, open: boolean, edit: (what: string | null) => void, done: (text: string) => void}} props */
function One({ one, admin, changed, open, edit, done }) {
  const [told, setTold] = useState('');
  const [icon, tone, word] = standing(one);
  const test = async () => {
    setTold('Sending …');
    const failure = await refused(async () => setTold((await request(`/api/v1/channels/${one.id}/test`, { method: 'POST' })).sentence));
    if (failure) setTold(failure.message);
    changed();
  };
  const why = admin ? undefined : 'Needs the admin role';
  return html`<li><span class=${`chip ${tone}`}><${Icon} name=${icon} />${word}</span>
    <div class="alert-what"><b>${one.name}</b> <span class="quiet">${KINDS[one.type]?.word ?? one.type}</span>
      <p class="quiet small">${one.failed_in_a_row ? html`failed ${plural(one.failed_in_a_row, 'time')} in a row: ${one.last_failed}` : one.last_delivered_at ? html`${one.last_delivered}, <${Ago} ms=${instant(one.last_delivered_at)} />` : 'nothing was sent yet'}</p>
      ${told ? html`<p class="small" role="status">${told}</p>` : null}</div>
    <span></span><span class="rule-acts"><button class="button" disabled=${!admin} title=${why} onClick=${test}>Test</button><button class="button" disabled=${!admin} title=${why} aria-expanded=${open} aria-label=${`Change ${one.name}`} onClick=${() => edit(open ? null : one.id)}>Change</button><${Delete} one=${one} admin=${admin} done=${done} /></span>
    ${open ? html`<div class="way-form"><${ChannelForm} key=${one.version} one=${one} close=${() => edit(null)} done=${() => done(`Saved: ${one.name}`)} /></div>` : null}</li>`;
}

/** Asked twice; and once more, saying who names it, where something does. @param {{one: any, admin: boolean, done: (text: string) => void}} props */
function Delete({ one, admin, done }) {
  const [named, setNamed] = useState(false);
  const remove = async () => {
    const failure = await refused(() => request(`/api/v1/channels/${one.id}${named ? '?force=true' : ''}`, { method: 'DELETE' }));
    if (!failure) return done(`Deleted: ${one.name}`);
    if (failure.problem.status === 409) {
      setNamed(true);
      failure.message = `${failure.message.split(': change them first')[0]}: they would tell nobody there any more.`;
    }
    throw failure;
  };
  return html`<${Twice} label="Delete …" name=${`Delete ${one.name} …`} sure=${named ? `Delete ${one.name} all the same?` : `Delete ${one.name}?`} yes="Delete it" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} deed=${remove} />`;
}
