// @ts-check
/**
 * What the server is asked, and what a card shows while it waits, when it fails, and when it succeeds.
 *
 * Given: addresses of this origin. Gives: parsed answers with exact money, typed failures, the session.
 * Never: a failure that wipes figures already shown.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { parseExact } from './exact.js';

/** @typedef {{role: string, name: string, version: string, environment: string | null, complete_to: string | null, jaeger_url?: string | null}} Session */

/** undefined: not asked yet; null: signed out. @type {import('@preact/signals').Signal<Session | null | undefined>} */
export const session = signal(undefined);

export class ApiError extends Error {
  /** @param {number} status 0 where no answer came @param {Record<string, any>} problem @param {string | null} requestId */
  constructor(status, problem, requestId) {
    super(problem.detail || problem.title || (status ? `The server answered ${status}.` : 'The server did not answer.'));
    this.status = status;
    this.problem = problem;
    this.requestId = requestId;
  }

  /** Whether asking again may help. */
  get passing() { return this.status === 0 || this.status === 429 || this.status >= 500; }
}

/**
 * One request; a Blob goes as it is, all else as JSON. Raises ApiError; an abort raises the browser's AbortError.
 * @param {string} path @param {{method?: string, body?: unknown, signal?: AbortSignal, parse?: (text: string) => any}} [options] @returns {Promise<any>}
 */
export async function request(path, { method = 'GET', body, signal: abort, parse = parseExact } = {}) {
  const raw = body instanceof Blob;
  const headers = body === undefined ? { Accept: 'application/json' } : { Accept: 'application/json', 'Content-Type': raw ? 'application/octet-stream' : 'application/json' };
  let response;
  let text;
  try {
    response = await fetch(path, { method, headers, signal: abort, credentials: 'same-origin', body: body === undefined ? undefined : raw ? body : JSON.stringify(body) });
    text = await response.text();
  } catch (failure) {
    if (/** @type {Error} */ (failure).name === 'AbortError') throw failure;
    throw new ApiError(0, {}, null);
  }
  if (response.ok) return text ? parse(text) : null;
  if (response.status === 401 && session.value) session.value = null;
  throw new ApiError(response.status, problemOf(text), response.headers.get('x-request-id'));
}

/** @param {string} text */
function problemOf(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Asks who we are; leaves `session` null when signed out. Raises ApiError when there is no server. */
export async function loadSession() {
  try {
    session.value = await request('/api/v1/session');
  } catch (failure) {
    if (!(failure instanceof ApiError) || (failure.status !== 401 && failure.status !== 403)) throw failure;
    session.value = null;
  }
}

/** @param {string} token */
export async function signIn(token) {
  await request('/api/v1/session', { method: 'POST', body: { token } });
  await loadSession();
}

export async function signOut() {
  await request('/api/v1/session', { method: 'DELETE' });
  session.value = null;
}

/** What the server said against a deed, or null when it is done; all that is not the server's word is raised. @param {() => Promise<unknown>} deed @returns {Promise<ApiError | null>} */
export async function refused(deed) {
  try {
    await deed();
    return null;
  } catch (failure) {
    if (!(failure instanceof ApiError)) throw failure;
    return failure;
  }
}

/**
 * Does what a control asks for. What the server says against it stands in `wrong` until the next time; `ask` says whether it was done.
 * @returns {{wrong: string, busy: boolean, ask: (deed: () => Promise<unknown>) => Promise<boolean>, refuse: (wrong: string) => void}}
 */
export function useAsking() {
  const [wrong, refuse] = useState('');
  const [busy, setBusy] = useState(false);
  const ask = async (/** @type {() => Promise<unknown>} */ deed) => {
    setBusy(true);
    refuse('');
    const failure = await refused(deed).finally(() => setBusy(false));
    if (failure) refuse(failure.message);
    return failure === null;
  };
  return { wrong, busy, ask, refuse };
}

/**
 * @typedef {{data: any, error: ApiError | null, busy: boolean, at: number | null, retryAt: number | null, reload: () => void}} Load
 */

/**
 * Keeps one address loaded: again when it changes, every `every` ms while the page is seen, and after a passing failure.
 * The last good answer stays until another arrives, unless `subject` (what the figures are about) changed.
 * @param {string | null} url @param {{every?: number, subject?: string}} [options] @returns {Load}
 */
export function useLoad(url, { every = 0, subject = '' } = {}) {
  const [load, setLoad] = useState(/** @type {any} */ ({ data: null, error: null, busy: url !== null, at: null, retryAt: null, subject }));
  const [round, setRound] = useState(0);
  const failures = useRef(0);
  useEffect(() => {
    if (url === null) return undefined;
    const abort = new AbortController();
    /** @type {number | undefined} */
    let timer;
    const again = (/** @type {number} */ delay) => { timer = window.setTimeout(() => (document.hidden ? again(delay) : setRound((n) => n + 1)), delay); };
    setLoad((/** @type {any} */ old) => ({ ...(old.subject === subject ? old : { data: null, at: null, error: null }), subject, busy: true, retryAt: null }));
    request(url, { signal: abort.signal }).then((data) => {
      failures.current = 0;
      setLoad({ data, error: null, busy: false, at: Date.now(), retryAt: null, subject });
      if (every) again(every);
    }).catch((error) => {
      if (error.name === 'AbortError') return;
      const delay = error.passing ? Math.min(30_000, 4000 * 2 ** failures.current++) : 0;
      setLoad((/** @type {any} */ old) => ({ ...old, error, busy: false, retryAt: delay ? Date.now() + delay : null }));
      if (delay) again(delay);
    });
    return () => { abort.abort(); clearTimeout(timer); };
  }, [url, every, subject, round]);
  const shown = load.subject === subject ? load : { ...load, data: null, error: null, at: null, retryAt: null, busy: true };
  return { ...shown, reload: () => { failures.current = 0; setRound((n) => n + 1); } };
}
