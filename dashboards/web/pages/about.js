// @ts-check
/** About: what runs here, how its own parts do, and what it is built of. Never: "well" before its parts said so. */
import { html } from '../html.js';
import { request, useLoad } from '../api.js';
import { useEffect, useState } from 'preact/hooks';
import { absolute, bytes, instant, milliseconds, plural, whole } from '../format.js';
import { session } from '../api.js';
import { state } from '../live.js';
import { zone } from '../url.js';
import { Card, Faces } from '../parts/card.js';
import { Ago, Chip, Figure } from '../parts/chip.js';
import { SettingPlaces } from '../parts/places.js';

export const title = 'Settings';
export const name = 'About · Settings';
export const styles = '/assets/pages/accounts.css';
const OK = { icon: 'tick', word: 'Works', tone: 'ok' };
const WRONG = { icon: 'octagon', word: 'Failed', tone: 'crit' };
const NOT_YET = { icon: 'question', word: 'Not yet', tone: 'unk' };

export function View() {
  return html`<div class="page accounts-page"><${SettingPlaces} /><div class="two-cards"><${Version} /><${Self} /></div><${Parts} /><${Packages} /></div>`;
}

function Version() {
  const load = useLoad('/api/v1/about');
  const complete = instant(state.value ? state.value.complete_to : session.value?.complete_to);
  return html`<${Card} title="spanledger" busy=${load.busy}><${Faces} load=${load} what="what runs here">${(/** @type {any} */ about) => html`<dl class="facts">
    <div><dt>Version</dt><dd>${about.version}</dd></div><div><dt>Environment</dt><dd>${about.environment || 'not named'}</dd></div>
    <div><dt>Ledger complete to</dt><dd>${complete ? absolute(complete, zone.value) : html`<${Figure}>—<//>`}</dd></div>
    <div><dt>Days begin in</dt><dd>${about.timezone}</dd></div><div><dt>Times are shown in</dt><dd>${zone.value}</dd></div>
    <div><dt>Python</dt><dd>${about.python}, ${about.system}</dd></div><div><dt>Licence</dt><dd>${about.licence}</dd></div>
    <div><dt>API</dt><dd><a href="/openapi.json" target="_blank">openapi.json</a> · <a href="/docs" target="_blank">described</a></dd></div></dl>`}<//><//>`;
}

/** What the server says of itself. */
const useSelf = () => useLoad('/api/v1/health/self', { every: 10_000 });

function Self() {
  const load = useSelf();
  return html`<${Card} title="This server" busy=${load.busy}><${Faces} load=${load} what="how the server does">${(/** @type {any} */ self) => html`<dl class="facts">
    <div><dt>Takes telemetry</dt><dd>${self.ready ? html`<${Chip} look=${{ icon: 'tick', word: 'Ready', tone: 'ok' }} />` : html`<${Chip} look=${{ icon: 'octagon', word: 'Not ready', tone: 'crit' }} /> ${self.reasons.join('; ')}`}</dd></div>
    <div><dt>Since it started</dt><dd>${plural(self.requests, 'request')}, ${plural(self.rows.traces, 'span')}, ${plural(self.rows.logs, 'log record')}, ${plural(self.rows.metrics, 'metric point')}</dd></div>
    <div><dt>Waiting</dt><dd>${plural(self.queue_requests, 'request')}, ${bytes(self.queue_bytes)} of ${bytes(self.queue_limit_bytes)}</dd></div>
    <div><dt>Told to come back</dt><dd>${plural(self.turned_away, 'request')}</dd></div><div><dt>Refused records</dt><dd>${whole(self.refused_records)}</dd></div>
    <div><dt>Store</dt><dd>${bytes(self.store_bytes)}, log ${bytes(self.wal_bytes)}${self.free_bytes === null ? '' : `, ${bytes(self.free_bytes)} free`}</dd></div></dl>`}<//><//>`;
}

function Parts() {
  const load = useSelf();
  return html`<${Card} title="Its own work" sub="what it does again and again" busy=${load.busy}><${Faces} load=${load} what="its own work">${(/** @type {any} */ self) => html`<table class="table cards-narrow parts-table"><thead><tr><th scope="col">Task</th><th scope="col">State</th><th scope="col" class="num">Last turn</th><th scope="col" class="num">It took</th><th scope="col" class="num">Failures</th></tr></thead>
    <tbody>${self.tasks.map((/** @type {any} */ one) => html`<tr key=${one.name}><td class="cell-name">${one.name}</td><td class="cell-state"><${Chip} look=${one.failed ? WRONG : one.last === null ? NOT_YET : OK} /></td><td class="num cell-when quiet"><${Ago} ms=${instant(one.last)} /></td><td class="num cell-figure"><${Figure}>${milliseconds(one.last === null ? null : one.seconds * 1000)}<//></td><td class="num cell-figure2">${one.failures ? plural(one.failures, 'failure') : html`<span class="quiet">none</span>`}</td></tr>`)}</tbody></table>`}<//><//>`;
}

/** The parts of these pages, as they are listed beside them. */
function useVendored() {
  const [files, setFiles] = useState(/** @type {any[]} */ ([]));
  useEffect(() => { request('/assets/vendor/manifest.json').then((told) => setFiles(told.files), () => setFiles([])); }, []);
  return [...new Map(files.map((one) => [one.package, one])).values()];
}

function Packages() {
  const load = useLoad('/api/v1/about');
  const vendored = useVendored();
  const row = (/** @type {any} */ one, /** @type {string} */ of) => html`<li key=${one.name ?? one.package} title=${one.name ?? one.package}><b>${one.name ?? one.package}</b> <span class="quiet">${one.version}</span><span>${one.licence ?? 'not stated'}</span>${of ? html`<a href=${`/assets/vendor/${one.file.split('/').slice(0, -1).join('/')}/LICENSE`} target="_blank">text</a>` : null}</li>`;
  return html`<${Card} title="Built of" sub=${load.data ? `${plural(load.data.packages.length, 'package')} of the server, ${vendored.length} of the pages` : ''} busy=${load.busy}><${Faces} load=${load} what="the licences">${(/** @type {any} */ about) => html`
    <h3 class="card-sub">The pages</h3><ul class="packages">${vendored.map((one) => row(one, 'page'))}</ul>
    <h3 class="card-sub">The server</h3><ul class="packages">${about.packages.map((/** @type {any} */ one) => row(one, ''))}</ul>
    ${about.packages.length ? null : html`<p class="card-note">It runs from a checkout that was not installed; its packages are not known.</p>`}`}<//><//>`;
}
