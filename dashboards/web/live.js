// @ts-check
/**
 * The live channel: one WebSocket for the tab, its points and state as signals.
 *
 * Given: messages of /api/v1/live. Gives: `points` (one a second, sorted, each second once), `state`, the topics beside them, `link` (how the channel does).
 * Never: a gap papered over, a point twice, a figure that moves while the tab is hidden or paused. A hidden tab still counts the alerts, now and then.
 */
import { batch, computed, signal } from '@preact/signals';
import { request, session } from './api.js';
import { instant } from './format.js';
import { backOff, mergePoints } from './points.js';

/** @typedef {import('./points.js').Point} Point */

const SILENCE_MS = 5000;
const POLL_MS = 5000;
const TRIES_BEFORE_POLLING = 3;
const HIDDEN_MS = 15_000;
const TOPICS = ['live', 'alerts', 'health', 'slos'];

/** @type {import('@preact/signals').Signal<Point[]>} */
export const points = signal([]);
/** @type {import('@preact/signals').Signal<any>} */
export const state = signal(null);
/** What is told beside the figures, by topic: each is replaced whole when it changed, and null until it was told. */
export const topics = { alerts: signal(/** @type {any} */ (null)), health: signal(/** @type {any} */ (null)), slos: signal(/** @type {any} */ (null)) };
/** phase: connecting, live, reconnecting, polling, paused, hidden. heardAt: when figures last came, or null. failures: attempts in a row that gave nothing. */
export const link = signal({ phase: 'connecting', heardAt: /** @type {number | null} */ (null), failures: 0 });
/** The version the server named last; another than the first means a new one was started. */
export const serverVersion = signal({ first: '', now: '' });
/** The second up to which the figures speak, in unix s: silence after the last point counts too. */
export const latest = computed(() => Math.max(points.value.at(-1)?.t ?? 0, Math.floor((instant(state.value?.complete_to) ?? 0) / 1000)) || Math.floor(Date.now() / 1000));
/** A clock that ticks once a second, for ages. */
export const now = signal(Date.now());

/** @type {WebSocket | null} */
let socket = null;
/** @type {string | null} */
let epoch = null;
let failures = 0;
let heard = 0;
let paused = false;
let polling = false;
/** @type {number | undefined} */
let retry;

/** @param {string} phase */
const setPhase = (phase) => { if (link.value.phase !== phase) link.value = { ...link.value, phase }; };

/** Starts the channel and everything that wakes it. */
export function startLive() {
  setInterval(tick, 1000);
  addEventListener('online', () => reopen());
  document.addEventListener('visibilitychange', () => (document.hidden ? stop('hidden') : reopen()));
  session.subscribe((who) => (who ? reopen() : who === null && stop('connecting')));
}

/** Pauses or goes on. */
export function togglePause() {
  paused = !paused;
  if (paused) stop('paused');
  else reopen();
}

/** @param {string} phase */
function stop(phase) {
  drop();
  clearTimeout(retry);
  setPhase(phase);
}

function drop() {
  if (!socket) return;
  const old = socket;
  socket = null;
  old.onopen = old.onmessage = old.onclose = old.onerror = null;
  if (old.readyState === WebSocket.CONNECTING) old.onopen = () => old.close();
  else old.close();
}

/** Connects at once, whatever the back-off says. */
export function reopen() {
  clearTimeout(retry);
  if (!session.value || paused || document.hidden) return;
  drop();
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const mine = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
  socket = mine;
  heard = performance.now();
  setPhase(link.value.heardAt ? 'reconnecting' : 'connecting');
  mine.onopen = () => {
    mine.send(JSON.stringify({ topics: TOPICS, epoch, last: points.value.at(-1)?.t ?? null }));
  };
  mine.onmessage = (event) => receive(JSON.parse(event.data));
  mine.onclose = lost;
}

function lost() {
  drop();
  failures += 1;
  link.value = { ...link.value, failures };
  setPhase(failures > TRIES_BEFORE_POLLING && polling ? 'polling' : link.value.heardAt ? 'reconnecting' : 'connecting');
  retry = window.setTimeout(reopen, backOff(failures - 1, Math.random()));
}

/** @param {any} message */
export function receive(message) {
  heard = performance.now();
  if (message.type === 'hello') {
    epoch = message.epoch;
    serverVersion.value = { first: serverVersion.value.first || message.version, now: message.version };
    return;
  }
  if (message.type === 'topic') return tell({ [message.topic]: message.state });
  if (message.type !== 'snapshot' && message.type !== 'points') return;
  failures = 0;
  polling = false;
  take(message, 'live');
}

/** @param {any} message @param {string} phase */
function take(message, phase) {
  batch(() => {
    if (message.points?.length || message.type === 'snapshot') points.value = mergePoints(message.type === 'snapshot' ? [] : points.value, message.points ?? []);
    if (message.state) state.value = message.state;
    link.value = { phase, heardAt: Date.now(), failures };
    now.value = Date.now();
  });
}

/** @param {Record<string, any>} told */
function tell(told) {
  batch(() => { for (const [name, one] of Object.entries(told ?? {})) if (Object.hasOwn(topics, name)) topics[/** @type {keyof typeof topics} */ (name)].value = one; });
}

let lastPoll = 0;

function tick() {
  if (document.hidden) { watchHidden(); return; }
  now.value = Date.now();
  if (!session.value || paused) return;
  if (socket && performance.now() - heard > SILENCE_MS) lost();
  if (failures >= TRIES_BEFORE_POLLING && performance.now() - lastPoll >= POLL_MS) poll();
}

/** Nobody looks, but the tab's title says how many alerts need somebody. */
async function watchHidden() {
  if (!session.value || paused || performance.now() - lastPoll < HIDDEN_MS) return;
  lastPoll = performance.now();
  try {
    tell((await request('/api/admin/monitoring/metrics/realtime?topics=alerts')).topics);
  } catch {
    // what is known stays; the page tells of a lost server when it is looked at again
  }
}

/** The way round a proxy that lets no WebSocket through. */
async function poll() {
  lastPoll = performance.now();
  try {
    const answer = await request(`/api/admin/monitoring/metrics/realtime?${TOPICS.map((name) => `topics=${name}`).join('&')}`);
    if (link.value.phase === 'live' || paused || document.hidden) return;
    polling = true;
    take({ ...answer, type: 'snapshot' }, 'polling');
    tell(answer.topics);
  } catch {
    polling = false;
    if (link.value.phase === 'polling') setPhase('reconnecting');
  }
}
