// @ts-check
/** The frame around every page: rail or bottom bar, top bar, live label, list of keys. Never: a link to a page that does not exist. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon, Logo } from '../icons.js';
import { session } from '../api.js';
import { link as livelink, now, serverVersion, state, togglePause, topics } from '../live.js';
import { axisDuration, clock, instant } from '../format.js';
import { link, route, zone } from '../url.js';
import { keyList, palette } from '../keys.js';
import { useDismiss } from './hooks.js';
import { SEVERE, needsSomebody } from '../status.js';
import { Later, OVERLAYS } from './later.js';
import { RangeControl } from './range.js';
import { Toasts } from './toast.js';

const GROUPS = [
  { name: 'Observe', places: [{ path: '/', name: 'Live', icon: 'pulse', first: true }, { path: '/traces', name: 'Traces', icon: 'traces', first: true }, { path: '/logs', name: 'Logs', icon: 'lines' }, { path: '/trends', name: 'Trends', icon: 'wave' }, { path: '/audio', name: 'Audio', icon: 'sound' }] },
  { name: 'Money', places: [{ path: '/costs', name: 'Costs', icon: 'dollar', first: true }, { path: '/costs/budgets', name: 'Budgets', icon: 'purse' }] },
  { name: 'Reliability', places: [{ path: '/slos', name: 'SLOs', icon: 'target' }, { path: '/alerts', name: 'Alerts', icon: 'bell', first: true }, { path: '/services', name: 'Services', icon: 'layers' }] },
  { name: 'Tools', places: [{ path: '/query', name: 'Query', icon: 'table' }, { path: '/settings', name: 'Settings', icon: 'settings' }] },
];
const PLACES = GROUPS.flatMap((group) => group.places);

/** @param {string} path */
const here = (path) => (path === '/' ? route.value.path === path : route.value.path.startsWith(path) && !(path === '/costs' && route.value.path.startsWith('/costs/budgets')));

/** @param {{place: {path: string, name: string, icon: string}, count?: number}} props count: of alerts that need somebody */
function Place({ place, count = 0 }) {
  return html`<a href=${link(place.path, {}, ['tz'])} aria-current=${here(place.path) ? 'page' : undefined}><${Icon} name=${place.icon} /><span>${place.name}</span>${place.path === '/alerts' && count ? html`<b class="place-count"><span class="hidden-text">, </span>${count > 99 ? '99+' : count}<span class="hidden-text"> firing</span></b>` : null}</a>`;
}

/** @param {{page: {title: any, range?: string, presets?: string[]}, children: any}} props */
export function Frame({ page, children }) {
  const who = session.value;
  const count = topics.alerts.value?.needs ?? 0;
  return html`<div class="frame">
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to content</a>
    <nav class="rail" aria-label="Pages">
      <a class="brand" href="/"><${Logo} /><span>spanledger</span></a>
      ${GROUPS.map((group) => html`<div class="rail-group" key=${group.name}><p>${group.name}</p>${group.places.map((place) => html`<${Place} key=${place.path} place=${place} count=${count} />`)}</div>`)}
      <div class="rail-foot"><p>${[who?.environment, `v${who?.version}`].filter(Boolean).join(' · ')}</p><${Complete} /></div>
    </nav>
    <header class="top">
      <h1>${page.title}</h1>
      <div class="top-tools">
        <${LiveLabel} />
        <button class="button search-button" onClick=${() => { palette.value = true; }} aria-haspopup="dialog"><${Icon} name="search" /><span>Search or go to</span><kbd>Ctrl K</kbd></button>
        ${page.range ? html`<${RangeControl} fallback=${page.range} presets=${page.presets} />` : null}
      </div>
    </header>
    <main id="main" tabindex="-1"><${Trouble} />${children}</main>
    <nav class="bottom" aria-label="Pages, bottom">${PLACES.filter((place) => place.first).map((place) => html`<${Place} key=${place.path} place=${place} count=${count} />`)}<${More} /></nav>
    <${Announcer} /><${Toasts} />${keyList.value ? html`<${Later} styles=${OVERLAYS} load=${() => import('./keylist.js')} part="KeyList" />` : null}
    ${palette.value ? html`<${Later} styles=${OVERLAYS} load=${() => import('../palette/palette.js')} part="Palette" />` : null}
  </div>`;
}

/** Up to when figures are final; apart, since it moves with each second. */
function Complete() {
  const complete = instant(state.value ? state.value.complete_to : session.value?.complete_to);
  return html`<p title="Figures before this moment are final">${complete ? `ledger complete to ${clock(complete, zone.value)}` : 'ledger completeness unknown'}</p>`;
}

/** On a phone: the places that do not stand at the bottom. */
function More() {
  const [open, setOpen] = useState(false);
  const ref = useDismiss(open, () => setOpen(false));
  const rest = PLACES.filter((place) => !place.first);
  useEffect(() => setOpen(false), [route.value.path]);
  return html`<div class="more-host" ref=${ref}>
    <button class=${rest.some((place) => here(place.path)) ? 'current' : ''} aria-expanded=${open} onClick=${() => setOpen(!open)}><${Icon} name="more" /><span>More</span></button>
    ${open ? html`<div class="pop more-pop">${rest.map((place) => html`<${Place} key=${place.path} place=${place} />`)}</div>` : null}</div>`;
}

/** How old the figures in view are, in words, or null when none came. */
function age() {
  const heard = livelink.value.heardAt;
  return heard === null ? null : Math.max(0, Math.round((now.value - heard) / 1000));
}

const PHASES = /** @type {Record<string, [string, string]>} */ ({
  connecting: ['Connecting', 'wait'], live: ['Live', 'on'], reconnecting: ['Reconnecting', 'wait'], polling: ['Live every 5 s', 'on'], paused: ['Paused', 'off'], hidden: ['Paused', 'off'],
});

function LiveLabel() {
  const { phase } = livelink.value;
  const seconds = age();
  const [word, tone] = PHASES[phase];
  const detail = phase === 'live' || phase === 'polling' ? (seconds !== null && seconds < 3 ? 'now' : seconds === null ? '' : `${axisDuration(seconds * 1e9)} old`) : seconds === null ? '' : `${axisDuration(Math.max(seconds, 1) * 1e9)} old`;
  const stopped = phase === 'paused';
  const text = detail ? `${word} · ${detail}` : word;
  return html`<button class=${`live-label ${tone}`} onClick=${togglePause} title=${stopped ? 'Go on (p)' : 'Pause (p)'} aria-label=${`${text}. ${stopped ? 'Go on' : 'Pause'}`}>
    ${stopped ? html`<${Icon} name="play" />` : html`<i class="dot"></i>`}<span>${word}</span>${detail ? html`<span class="live-age"> · ${detail}</span>` : null}</button>`;
}

/** The banner after a minute without the server, and the word about a newer version. */
function Trouble() {
  const seconds = age();
  const { first, now: current } = serverVersion.value;
  const lost = livelink.value.phase === 'reconnecting' && seconds !== null && seconds >= 60;
  return html`${lost ? html`<div class="notice crit" role="alert"><${Icon} name="octagon" /><span>The server has not answered for ${axisDuration(Number(seconds) * 1e9)}. The figures are of ${clock(livelink.value.heardAt, zone.value)}.</span></div>` : null}
    ${first !== current ? html`<div class="notice" role="status"><${Icon} name="refresh" /><span>Version ${current} is running.</span><button class="button" onClick=${() => location.reload()}>Reload</button></div>` : null}`;
}

/** Speaks changes of the status sentence and new critical alerts, at most one in 5 s; what is new of alerts comes first. */
function Announcer() {
  const said = useRef({ text: '', sentence: '', at: 0 });
  const severe = useRef(/** @type {Set<string> | null} */ (null));
  const waiting = useRef(/** @type {string[]} */ ([]));
  const alerts = topics.alerts.value;
  if (alerts) {
    const fires = alerts.items.filter((/** @type {any} */ one) => needsSomebody(one) && SEVERE.includes(one.severity));
    const fresh = severe.current ? fires.filter((/** @type {any} */ one) => !severe.current?.has(one.id)) : [];
    waiting.current.push(...fresh.map((/** @type {any} */ one) => `Critical alert: ${one.message}`));
    if (fresh.some((/** @type {any} */ one) => one.severity === 'critical')) import('../chime.js').then((module) => module.alarm());
    severe.current = new Set(fires.map((/** @type {any} */ one) => one.id));
  }
  const sentence = state.value?.sentence ?? '';
  if (now.value - said.current.at >= 5000 && (waiting.current.length || sentence !== said.current.sentence)) {
    const many = waiting.current.length > 3 ? `${waiting.current.length} new critical alerts` : waiting.current.join('. ');
    said.current = { text: many || sentence, sentence, at: now.value };
    waiting.current = [];
  }
  return html`<p class="hidden-text" aria-live="polite">${said.current.text}</p>`;
}
