// @ts-check
/**
 * The entry: session, router, keys, live channel, and the page of the address, loaded on first visit.
 *
 * Given: the address. Gives: the drawn page. Never: a token left in the address or in storage.
 */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { computed, signal } from '@preact/signals';
import { html } from './html.js';
import { ApiError, loadSession, session, signIn } from './api.js';
import { startRouter, route } from './url.js';
import { startKeys } from './keys.js';
import { startLive, state, topics } from './live.js';
import { Frame } from './parts/frame.js';
import { dressed } from './parts/later.js';

/** @typedef {{title: any, name?: string, styles?: string, View: (props: {argument: string}) => any, range?: string, presets?: string[]}} Page */

/** @type {[RegExp, () => Promise<Page>][]} */
const PAGES = [
  [/^\/$/, () => import('./pages/live.js')],
  [/^\/costs$/, () => import('./pages/costs.js')],
  [/^\/costs\/budgets$/, () => import('./pages/budgets.js')],
  [/^\/costs\/prices$/, () => import('./pages/prices.js')],
  [/^\/costs\/reconcile$/, () => import('./pages/reconcile.js')],
  [/^\/slos$/, () => import('./pages/slos.js')],
  [/^\/slos\/new$/, () => import('./pages/slo-form.js')],
  [/^\/slos\/([^/]+)$/, () => import('./pages/slo.js')],
  [/^\/slos\/([^/]+)\/edit$/, () => import('./pages/slo-form.js')],
  [/^\/slos\/([^/]+)\/report$/, () => import('./pages/slo-report.js')],
  [/^\/reports\/sla$/, () => import('./pages/sla.js')],
  [/^\/services$/, () => import('./pages/services.js')],
  [/^\/services\/(.+)$/, () => import('./pages/service.js')],
  [/^\/traces$/, () => import('./pages/traces.js')],
  [/^\/traces\/([0-9a-fA-F]{1,32})$/, () => import('./pages/trace.js')],
  [/^\/alerts(?:\/history)?$/, () => import('./pages/alerts.js')],
  [/^\/alerts\/rules$/, () => import('./pages/rules.js')],
  [/^\/alerts\/incidents(?:\/([0-9a-f-]{32,36}))?$/, () => import('./pages/incidents.js')],
  [/^\/alerts\/rules\/([0-9a-f-]{32,36})$/, () => import('./pages/rule.js')],
  [/^\/alerts\/routing$/, () => import('./pages/routing.js')],
  [/^\/alerts\/silences$/, () => import('./pages/silences.js')],
  [/^\/alerts\/([0-9a-f-]{32,36})$/, () => import('./pages/alert.js')],
  [/^\/logs$/, () => import('./pages/logs.js')],
  [/^\/trends$/, () => import('./pages/trends.js')],
  [/^\/audio$/, () => import('./pages/audio.js')],
  [/^\/query$/, () => import('./pages/query.js')],
  [/^\/settings(?:\/me)?$/, () => import('./pages/settings.js')],
  [/^\/settings\/tokens$/, () => import('./pages/tokens.js')],
  [/^\/settings\/data$/, () => import('./pages/data.js')],
  [/^\/settings\/changes$/, () => import('./pages/changes.js')],
  [/^\/settings\/about$/, () => import('./pages/about.js')],
  [/^\/settings\/channels$/, () => import('./pages/channels.js')],
  [/^\/settings\/sampling$/, () => import('./pages/sampling.js')],
];
/** The page of an address, and what its pattern found. @param {string} path */
const pageOf = (path) => PAGES.map(([pattern, load]) => ({ match: pattern.exec(path), load })).find((one) => one.match);

/** @returns {Promise<Page>} */
const nowhere = () => import('./pages/nowhere.js');

const failure = signal('');
const asking = signal(false);
let pageMissing = false;
const signInError = signal('');
let fallbackRange = 'now-1h';

/** How many alerts, else services, need somebody. Apart from the page, which would be drawn anew with each second's figures. */
const attention = computed(() => topics.alerts.value?.needs || (state.value?.services ?? []).filter((/** @type {any} */ one) => one.state === 'critical' || one.state === 'warning').length);

function App() {
  const path = route.value.path;
  const [page, setPage] = useState(/** @type {(Page & {path: string, argument: string}) | null} */ (null));
  useEffect(() => {
    const found = pageOf(path);
    let stale = false;
    (found?.load ?? nowhere)().then(async (module) => {
      await dressed(module.styles);
      if (stale) return;
      fallbackRange = module.range ?? 'now-1h';
      setPage({ ...module, path, argument: found?.match?.[1] ?? '' });
    }, () => { pageMissing = true; failure.value = 'This page could not be loaded. Is the server running?'; });
    return () => { stale = true; };
  }, [path]);
  const name = page ? (page.name ?? page.title) : '';
  useEffect(() => { document.title = `${attention.value ? `(${attention.value}) ` : ''}${name ? `${name} · ` : ''}spanledger`; }, [attention.value, name]);
  if (failure.value) return html`<${NoServer} />`;
  if (session.value === null) return html`<${SignedOut} />`;
  if (!session.value || !page) return null;
  return html`<${Frame} page=${page}><${page.View} key=${page.path} argument=${page.argument} /><//>`;
}

/** The way in, loaded when somebody needs it. */
function SignedOut() {
  const [Way, setWay] = useState(/** @type {any} */ (null));
  useEffect(() => { import('./parts/signin.js').then((module) => setWay(() => module.SignIn)); }, []);
  return Way ? html`<${Way} error=${signInError} />` : null;
}

function NoServer() {
  return html`<main class="signin"><div class="card" role="alert"><div class="face empty"><h1>spanledger does not answer</h1><p>${failure.value}</p><button class="button primary" disabled=${asking.value} onClick=${begin}>${asking.value ? 'Trying again …' : 'Try again'}</button></div></div></main>`;
}

/** A sign-in link carries its token behind `#`: used once, then gone from the address. */
async function begin() {
  asking.value = true;
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token !== null) history.replaceState(null, '', location.pathname + location.search);
  try {
    if (token) await signIn(token);
    else await loadSession();
    if (pageMissing) return location.reload(); // the browser may not ask again for a module that failed
    failure.value = '';
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    if (!token || problem.passing) failure.value = problem.message;
    else { failure.value = ''; signInError.value = `The sign-in link did not work: ${problem.message}`; session.value = null; }
  }
  asking.value = false;
}

pageOf(route.value.path)?.load().then((page) => dressed(page.styles), () => undefined); // comes while we ask who is there; what goes wrong is said where it is shown
startRouter();
startKeys(() => fallbackRange);
startLive();
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
begin();
