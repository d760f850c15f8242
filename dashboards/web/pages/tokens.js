// @ts-check
/**
 * Tokens: who may come in, as what, for how long; a new one shown once; one in the place of another; the end of one.
 *
 * Given: the tokens of the server, for administrators. Gives: a list and forms. Never: a secret shown twice, or kept anywhere by the page.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, useLoad } from '../api.js';
import { instant, plural } from '../format.js';
import { params, setParams } from '../url.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { Field, Mistakes, NotAllowed, Twice, inputOf, isAdmin, refusal, useSending } from '../parts/form.js';
import { SettingPlaces } from '../parts/places.js';
import { toast } from '../parts/toast.js';
import { MAY, limitWords, tokenBody, tokenLook } from '../settings/words.js';

export const title = 'Settings';
export const name = 'Tokens · Settings';
export const styles = '/assets/pages/accounts.css';

const LASTS = { 'now+30d': '30 days', 'now+90d': '90 days', 'now+365d': 'a year', '': 'until it is revoked' };

/** @typedef {{name: string, role: string, token: string, old?: string}} Secret */

export function View() {
  const load = useLoad('/api/v1/tokens', { every: 30_000 });
  const [secret, setSecret] = useState(/** @type {Secret | null} */ (null));
  const ended = params.value.get('ended') === 'true';
  const making = params.value.get('edit') === 'new' && isAdmin();
  const made = (/** @type {Secret} */ one) => { setSecret(one); setParams({ edit: null }); scrollTo(0, 0); load.reload(); };
  const shown = (/** @type {any} */ data) => data.items.filter((/** @type {any} */ one) => ended || one.state === 'works');
  return html`<div class="page accounts-page"><${SettingPlaces} />
    <div class="bar"><label class="inline-label check"><input type="checkbox" checked=${ended} onChange=${() => setParams({ ended: ended ? null : 'true' })} /> Also those that have ended</label>
      <span class="bar-end"><${NotAllowed} what="Managing tokens" /><button class="button primary" disabled=${!isAdmin()} title=${refusal()} onClick=${() => setParams({ edit: 'new' })}><${Icon} name="plus" />New token</button></span></div>
    ${secret ? html`<${Once} secret=${secret} close=${() => setSecret(null)} />` : null}
    ${making ? html`<${Card} title="New token"><${Form} made=${made} /><//>` : null}
    <${Card} title="Tokens" sub=${load.data ? plural(shown(load.data).length, 'token') : ''} busy=${load.busy}><${Faces} load=${load} what="the tokens" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (shown(data).length ? html`<table class="table cards-narrow tokens-table"><thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col">May</th><th scope="col" class="wide-cell">Only for</th><th scope="col" class="num">Ends</th><th scope="col" class="num wide-cell">Last used</th><th scope="col"><span class="hidden-text">Change</span></th></tr></thead>
      <tbody>${shown(data).map((/** @type {any} */ one) => html`<${One} key=${one.id} one=${one} made=${made} changed=${load.reload} />`)}</tbody></table>` : html`<${Empty} title="There is no token that works."><${Command} text="spanledger token create checkout --role ingest --service checkout" /><//>`)}<//>
      <p class="card-note">The server keeps a hash of each secret, so nobody can read one again. “Last used” is exact to a minute.</p><//></div>`;
}

/** The one moment in which a secret can be seen. @param {{secret: Secret, close: () => void}} props */
function Once({ secret, close }) {
  return html`<section class="card once" role="status" aria-label="The new token"><div class="card-form"><h2><${Icon} name="key" />${secret.old ? `${secret.name} has a new secret` : `${secret.name} is made`}</h2>
    <p>Copy it now: it is shown this once, and nobody can read it again.${secret.old ? ` ${secret.old}` : ''}</p><${Command} text=${secret.token} label="Copy" />
    ${secret.role === 'ingest' ? html`<p class="quiet small">A service sends with it when <code>SPANLEDGER_TOKEN</code> holds it.</p>` : null}
    <p><button class="button" onClick=${close}>I have it</button></p></div></section>`;
}

/** @param {{one: any, made: (secret: Secret) => void, changed: () => void}} props */
function One({ one, made, changed }) {
  const works = one.state === 'works';
  const revoke = async () => { await request(`/api/v1/tokens/${one.id}`, { method: 'DELETE' }); toast(`${one.name} is revoked; pages and senders with it end now`); changed(); };
  const [rotating, setRotating] = useState(false);
  return html`<tr><td class="cell-name" title=${one.id}>${one.name}</td><td class="cell-state"><${Chip} look=${tokenLook(one)} /></td><td class="cell-sub" title=${MAY[one.role]}>${one.role}</td>
      <td class="wide-cell quiet cell-cut" title=${limitWords(one)}>${limitWords(one)}</td>
      <td class="num cell-figure2">${one.revoked_at ? html`<span class="quiet">revoked <${Ago} ms=${instant(one.revoked_at)} /></span>` : one.expires_at ? html`<${Ago} ms=${instant(one.expires_at)} />` : html`<span class="quiet">never</span>`}</td>
      <td class="num wide-cell quiet">${one.last_used_at ? html`<${Ago} ms=${instant(one.last_used_at)} />` : 'never'}</td>
      <td class="num cell-act">${works ? html`<span class="token-acts"><button class="button" disabled=${!isAdmin()} title=${refusal()} aria-expanded=${rotating} aria-label=${`Rotate … ${one.name}`} onClick=${() => setRotating(!rotating)}>Rotate …</button><${Twice} label="Revoke …" name=${`Revoke … ${one.name}`} sure="It ends at once, wherever it is used." yes="Revoke it" deed=${revoke} /></span>` : null}</td></tr>
    ${rotating && works ? html`<tr class="form-row"><td colspan="7"><${Rotate} one=${one} made=${(/** @type {Secret} */ secret) => { setRotating(false); made(secret); }} close=${() => setRotating(false)} /></td></tr>` : null}`;
}

/** @param {{one: any, made: (secret: Secret) => void, close: () => void}} props */
function Rotate({ one, made, close }) {
  const { form, wrong, busy, send } = useSending();
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const grace = String(new FormData(/** @type {HTMLFormElement} */ (form.current)).get('grace')).trim() || '0';
    send(async () => {
      const told = await request(`/api/v1/tokens/${one.id}/rotate`, { method: 'POST', body: { grace } });
      made({ name: one.name, role: one.role, token: told.token, old: grace === '0' ? 'The old one has ended.' : `The old one goes on for ${grace}.` });
    });
  };
  return html`<form class="card-form" ref=${form} onSubmit=${submit} noValidate><${Mistakes} wrong=${wrong} what="Not rotated" />
    <div class="fields"><${Field} id=${`grace-${one.id}`} label="The old secret goes on for" help="such as 24h or 7d; 0: it ends at once" wrong=${wrong.grace}><input ...${inputOf(`grace-${one.id}`, 'grace', wrong)} defaultValue="24h" maxlength="40" /><//></div>
    <div class="bar"><span class="quiet small">The new one has the same name, role, limits and end.</span><span class="bar-end"><button class="button" type="button" onClick=${close}>Cancel</button><button class="button primary" type="submit" disabled=${busy}>${busy ? 'Making …' : 'Make the new secret'}</button></span></div></form>`;
}

/** @param {{made: (secret: Secret) => void}} props */
function Form({ made }) {
  const { form, wrong, busy, send, refuse } = useSending();
  const [role, setRole] = useState('ingest');
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const body = tokenBody(new FormData(/** @type {HTMLFormElement} */ (form.current)));
    if (!body.name) return refuse({ name: 'A name that says who has it' });
    send(async () => { made(await request('/api/v1/tokens', { method: 'POST', body })); });
  };
  const input = (/** @type {string} */ key, /** @type {Record<string, any>} */ more = {}) => html`<input ...${inputOf(`token-${key}`, key, wrong)} ...${more} />`;
  return html`<form class="card-form" ref=${form} onSubmit=${submit} noValidate><${Mistakes} wrong=${wrong} what="Not made" />
    <div class="fields">
      <${Field} id="token-name" label="Name" help="who has it: checkout, ann, grafana" wrong=${wrong.name}>${input('name', { maxlength: 200 })}<//>
      <${Field} id="token-role" label="Role" help=${MAY[role]} wrong=${wrong.role}><select id="token-role" name="role" onChange=${(/** @type {any} */ event) => setRole(event.currentTarget.value)}>${Object.keys(MAY).map((key) => html`<option key=${key} value=${key}>${key}</option>`)}</select><//>
      <${Field} id="token-expires_at" label="It works for" wrong=${wrong.expires_at}><select id="token-expires_at" name="expires_at">${Object.entries(LASTS).map(([value, text]) => html`<option key=${value} value=${value} selected=${value === 'now+90d'}>${text}</option>`)}</select><//>
      <${Field} id="token-services" label="Only these services" help=${role === 'admin' ? 'an admin cannot be limited' : 'parted by commas; empty: all'} wrong=${wrong.services}>${input('services', { disabled: role === 'admin' })}<//>
      <${Field} id="token-tenants" label="Only these tenants" help=${role === 'admin' ? 'an admin cannot be limited' : 'parted by commas; empty: all'} wrong=${wrong.tenants}>${input('tenants', { disabled: role === 'admin' })}<//>
    </div>
    <div class="bar"><span class="bar-end"><button class="button" type="button" onClick=${() => setParams({ edit: null })}>Cancel</button><button class="button primary" type="submit" disabled=${busy}>${busy ? 'Making …' : 'Make the token'}</button></span></div></form>`;
}
