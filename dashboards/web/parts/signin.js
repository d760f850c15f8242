// @ts-check
/** The sign-in face: paste a token. Never: a token kept in the page or in storage; the server sets a cookie scripts cannot read. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon, Logo } from '../icons.js';
import { refused, signIn } from '../api.js';

/** @param {{error: import('@preact/signals').Signal<string>}} props */
export function SignIn({ error }) {
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const token = String(new FormData(form).get('token') ?? '').trim();
    if (!token) { error.value = 'Paste a token first.'; return; }
    setBusy(true);
    error.value = '';
    const failure = await refused(() => signIn(token)).finally(() => setBusy(false));
    if (failure) error.value = failure.status === 401 || failure.status === 403 ? 'This token does not work. It may have been revoked, or belong to another server.' : failure.message;
  };
  return html`<main class="signin">
    <form class="card" onSubmit=${submit}>
      <div class="signin-brand"><${Logo} /><span>spanledger</span></div>
      <h1>Sign in</h1>
      <p class="quiet">The server printed a link that signs you in when it first started. You can also paste a token here.</p>
      <label>Token<input name="token" type="password" autocomplete="current-password" spellcheck=${false} aria-describedby="signin-error" aria-invalid=${Boolean(error.value)} autofocus /></label>
      <p class="field-error" id="signin-error" role="alert">${error.value ? html`<${Icon} name="octagon" />${error.value}` : null}</p>
      <button class="button primary" type="submit" disabled=${busy}>${busy ? 'Signing in…' : 'Sign in'}</button>
      <p class="quiet small">Lost the token? Make another with <code>spanledger token</code> on the server.</p>
    </form>
  </main>`;
}
