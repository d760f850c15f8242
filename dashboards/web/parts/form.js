// @ts-check
/**
 * A form that sends to the server: labels above, help below, what is wrong beside its field and summed up at the top.
 *
 * Given: the form and what to send. Gives: fields, and a sender that is busy once at a time. Never: what was typed lost when the server says no.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { refused, session, useAsking } from '../api.js';
import { plural } from '../format.js';
import { mistakesOf } from '../mistakes.js';

export const isAdmin = () => session.value?.role === 'admin';
/** Why a control is disabled, for its title; nothing when it is not. */
export const refusal = () => (isAdmin() ? undefined : 'Needs the admin role');

/** Why everything that changes something is disabled here; nothing for administrators. @param {{what: string}} props */
export function NotAllowed({ what }) {
  return isAdmin() ? null : html`<span class="quiet small" id="not-allowed">${what} needs the admin role; yours is ${session.value?.role}.</span>`;
}

/** @typedef {{form: import('preact').RefObject<HTMLFormElement>, wrong: Record<string, string>, busy: boolean, send: (what: () => Promise<void>) => Promise<void>, refuse: (wrong: Record<string, string>) => void}} Sending */

/** Sends, one at a time; what the server found wrong stands in `wrong` by field, and the first such field gets the focus. @returns {Sending} */
export function useSending() {
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const [wrong, setWrong] = useState(/** @type {Record<string, string>} */ ({}));
  const [busy, setBusy] = useState(false);
  const count = Object.keys(wrong).length;
  useLayoutEffect(() => {
    const first = /** @type {HTMLElement | null} */ (form.current?.querySelector('[aria-invalid=true]') ?? null);
    const hidden = /** @type {HTMLDetailsElement | null | undefined} */ (first?.closest('details'));
    if (hidden) hidden.open = true;
    if (count) first?.focus();
  }, [wrong]);
  const send = async (/** @type {() => Promise<void>} */ what) => {
    if (busy) return;
    setBusy(true);
    const failure = await refused(what).finally(() => setBusy(false));
    setWrong(failure ? mistakesOf(failure.problem, failure.message, (name) => Boolean(form.current?.elements.namedItem(name))) : {});
  };
  return { form, wrong, busy, send, refuse: setWrong };
}

/** What is wrong, in a line at the top of the form. @param {{wrong: Record<string, string>, what?: string}} props */
export function Mistakes({ wrong, what = 'Not saved' }) {
  const fields = Object.keys(wrong).filter(Boolean).length;
  if (!fields && !wrong['']) return null;
  return html`<p class="field-error form-wrong" role="alert"><${Icon} name="octagon" /><span>${[fields ? `${what}: ${plural(fields, 'field needs', 'fields need')} another value.` : '', wrong[''] ?? ''].filter(Boolean).join(' ')}</span></p>`;
}

/** A field with its label, its help and what is wrong with it. @param {{id: string, label: any, help?: any, wrong?: string, class?: string, children: any}} props */
export function Field({ id, label, help, wrong, class: extra = '', children }) {
  return html`<div class=${`field ${extra}`}><label for=${id}>${label}</label>${children}
    <p class="quiet small help" id=${`${id}-help`}>${help ?? ''}</p><p class="field-error" id=${`${id}-wrong`}>${wrong ?? ''}</p></div>`;
}

/** What an input needs to belong to its `Field`. @param {string} id @param {string} name @param {Record<string, string>} wrong */
export const inputOf = (id, name, wrong) => ({ id, name, autocomplete: 'off', spellcheck: false, 'aria-invalid': Boolean(wrong[name]), 'aria-describedby': `${id}-wrong ${id}-help` });

/**
 * A deed that is asked twice: the first press says what it will do, the second does it.
 * @param {{label: string, sure: any, yes: string, no?: string, disabled?: boolean, title?: string, name?: string, danger?: boolean, deed: () => Promise<void>}} props
 */
export function Twice({ label, sure, yes, no = 'Keep it', disabled = false, title, name, danger = true, deed }) {
  const [asked, setAsked] = useState(false);
  const { wrong, busy, ask, refuse } = useAsking();
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const before = useRef(false);
  useLayoutEffect(() => {
    if (before.current !== asked) button.current?.focus();
    before.current = asked;
  }, [asked]);
  const act = async () => { if (await ask(deed)) setAsked(false); };
  if (!asked) return html`<button type="button" class="button" key="first" ref=${button} disabled=${disabled} title=${title} aria-label=${name} onClick=${() => { refuse(''); setAsked(true); }}>${label}</button>`;
  return html`<span class="twice" key="second" role="group" aria-label=${name ?? label}><span class="twice-sure">${sure}</span><button type="button" class=${`button ${danger ? 'danger' : 'primary'}`} ref=${button} disabled=${busy} onClick=${act}>${busy ? 'One moment …' : yes}</button><button type="button" class="button" disabled=${busy} onClick=${() => setAsked(false)}>${no}</button>${wrong ? html`<span class="field-error" role="alert">${wrong}</span>` : null}</span>`;
}
