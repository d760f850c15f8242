// @ts-check
/** The kept views of a page, the form that keeps one and the file that brings one. Never: a form that forgets what was typed when the server says no. */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, useAsking } from '../api.js';
import { navigate, params, route, setParams } from '../url.js';
import { addressOf, brought, contentOf } from './kept.js';
import { toast } from './toast.js';

/** @param {{views: any[], loaded: boolean, current: any, changed: boolean, failed: string, again: () => Promise<void>, admin: boolean, close: () => void}} props */
export function ViewsList({ views, loaded, current, changed, failed, again, admin, close }) {
  const { wrong, ask, refuse } = useAsking();
  const kept = (/** @type {string} */ name, /** @type {boolean} */ shared) => ({ name, shared, page: route.value.path, query: contentOf(params.value) });
  const keep = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    ask(async () => {
      const made = await request('/api/v1/views', { method: 'POST', body: kept(String(fields.get('name')), fields.has('shared')) });
      toast(`Kept as ${made.name}`);
      setParams({ view: made.view_id }, { replace: true });
      close();
    });
  };
  const bring = async (/** @type {any} */ event) => {
    const field = event.currentTarget;
    const file = field.files[0];
    const view = file ? brought(await file.text()) : null;
    field.value = ''; // so that the same file can be chosen again
    if (!view) return file && refuse(`${file.name} holds no view: it is not what Download gives.`);
    return ask(async () => {
      const made = await request('/api/v1/views', { method: 'POST', body: { ...view, shared: view.shared && admin } });
      toast(`Kept as ${made.name}`);
      navigate(addressOf(made, params.value.get('tz')));
      close();
    });
  };
  const renew = () => ask(async () => {
    await request(`/api/v1/views/${current.view_id}`, { method: 'PUT', body: kept(current.name, current.shared) });
    toast(`${current.name} shows this from now on`);
    await again();
  });
  const forget = (/** @type {any} */ one) => ask(async () => {
    await request(`/api/v1/views/${one.view_id}`, { method: 'DELETE' });
    if (current?.view_id === one.view_id) setParams({ view: null }, { replace: true });
    await again();
  });
  const may = (/** @type {any} */ one) => admin || !one.shared;
  return html`${views.length ? html`<ul class="views">${views.map((one) => html`<li key=${one.view_id}>
      <button class="choice" aria-current=${current?.view_id === one.view_id ? 'true' : undefined} onClick=${() => { navigate(addressOf(one, params.value.get('tz'))); close(); }}><span class="view-name">${one.name}</span>${one.shared ? html`<span class="quiet">shared${one.mine ? '' : ` by ${one.owner}`}</span>` : null}</button>
      <a class="icon-button" href=${`/api/v1/views/${one.view_id}`} download=${`${one.name}.json`} aria-label=${`Download ${one.name}`} title="Download as JSON"><${Icon} name="download" /></a>
      <button class="icon-button" disabled=${!may(one)} title=${may(one) ? 'Forget' : 'Needs the admin role'} aria-label=${`Forget ${one.name}`} onClick=${() => forget(one)}><${Icon} name="cross" /></button></li>`)}</ul>`
    : html`<p class="quiet small">${failed ? `The kept views could not be loaded: ${failed}` : loaded ? 'No view of this page is kept yet. A view is all that the address holds: range, filters, sort, grouping.' : 'Loading …'}</p>`}
    ${changed && may(current) ? html`<button class="button" onClick=${renew}>Let ${current.name} show this</button>` : null}
    <form class="views-form" onSubmit=${keep}><label>Keep this view as<input name="name" required maxlength="80" autocomplete="off" aria-describedby="views-wrong" /></label>
      <label class="check" title=${admin ? undefined : 'Needs the admin role'}><input type="checkbox" name="shared" disabled=${!admin} />For everybody${admin ? '' : html` <span class="quiet">needs the admin role</span>`}</label>
      <button class="button primary" type="submit">Keep</button>
      <label class="button views-file"><${Icon} name="upload" />Bring one from a file<input type="file" class="hidden-text" accept=".json,application/json" aria-describedby="views-wrong" onChange=${bring} /></label></form>
    <p class="field-error" id="views-wrong" role="status">${wrong}</p>`;
}
