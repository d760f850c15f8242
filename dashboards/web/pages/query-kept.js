// @ts-check
/** Queries under a name: those that are kept, and the form that keeps one. Never: a kept query replaced without a word. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, session, useAsking } from '../api.js';
import { Card, Faces } from '../parts/card.js';
import { useDismiss } from '../parts/hooks.js';

/** @param {{load: import('../api.js').Load, use: (sql: string) => void}} props */
export function Kept({ load, use }) {
  const { wrong, ask } = useAsking();
  if (load.data && !load.data.items.length) return null;
  const forget = async (/** @type {string} */ name) => {
    await ask(() => request(`/api/v1/queries/${encodeURIComponent(name)}`, { method: 'DELETE' }));
    load.reload();
  };
  return html`<${Card} title="Kept" busy=${load.busy}><${Faces} load=${load} what="kept queries">${(/** @type {any} */ data) => html`<ul class="kept">${data.items.map((/** @type {any} */ one) => html`<li key=${one.name}>
    <button class="text-button" title=${one.description ?? one.sql} onClick=${() => use(one.sql)}>${one.name}</button>
    ${session.value?.role === 'admin' ? html`<button class="icon-button" aria-label=${`Forget ${one.name}`} title="Forget" onClick=${() => forget(one.name)}><${Icon} name="cross" /></button>` : null}</li>`)}</ul>`}<//><p class="field-error" role="status">${wrong}</p><//>`;
}

/** @param {{sql: string, done: () => void}} props */
export function Keep({ sql, done }) {
  const [open, setOpen] = useState(false);
  const { wrong, ask } = useAsking();
  const ref = useDismiss(open, () => setOpen(false));
  const admin = session.value?.role === 'admin';
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    ask(async () => {
      await request('/api/v1/queries', { method: 'POST', body: { name: String(fields.get('name')).trim(), sql, description: String(fields.get('description')).trim() || null } });
      setOpen(false);
      done();
    });
  };
  return html`<div class="pop-host" ref=${ref}>
    <button class="button" aria-expanded=${open} aria-haspopup="dialog" disabled=${!admin || !sql.trim()} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => setOpen(!open)}>Keep</button>
    ${open ? html`<form class="pop filter-pop" role="dialog" aria-label="Keep this query" onSubmit=${submit}>
      <label>Name<input name="name" required autocomplete="off" placeholder="cost-by-model" aria-describedby="keep-wrong" /></label>
      <label>What it is for<input name="description" autocomplete="off" /></label>
      <p class="field-error" id="keep-wrong" role="status">${wrong}</p>
      <button class="button primary" type="submit">Keep</button>
    </form>` : null}
  </div>`;
}
