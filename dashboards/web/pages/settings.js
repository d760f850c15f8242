// @ts-check
/** Settings and about: theme, keys, session, version, and what telemetry was lost. Never: a control that does nothing. */
import { html } from '../html.js';
import { session, signOut, useLoad } from '../api.js';
import { setShortcuts, setTheme, shortcuts, theme } from '../prefs.js';
import { absolute, instant, whole } from '../format.js';
import { state } from '../live.js';
import { zone } from '../url.js';
import { keyList } from '../keys.js';
import { toast } from '../parts/toast.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Figure } from '../parts/chip.js';
import { Storage } from './storage.js';

export const title = 'Settings';

export function View() {
  const who = session.value;
  const loss = useLoad('/api/v1/loss');
  const complete = instant(state.value ? state.value.complete_to : who?.complete_to);
  const leave = () => signOut().catch(() => toast('Signing out did not work; the server did not answer'));
  return html`<div class="page settings-page">
    <${Card} title="Appearance"><div class="rows">
      <fieldset class="setting"><legend>Theme</legend><div class="segments">${['auto', 'light', 'dark'].map((name) => html`<label key=${name}><input type="radio" name="theme" value=${name} checked=${theme.value === name} onChange=${() => setTheme(name)} /><span>${name[0].toUpperCase() + name.slice(1)}</span></label>`)}</div></fieldset>
      <div class="setting"><span>Single-key shortcuts</span><span class="setting-side"><button class="button" onClick=${() => { keyList.value = true; }}>Show keys</button>
        <label class="switch"><input type="checkbox" role="switch" checked=${shortcuts.value} onChange=${(/** @type {any} */ event) => setShortcuts(event.currentTarget.checked)} aria-label="Single-key shortcuts" /><i></i></label></span></div>
    </div><//>
    <${Card} title="Session"><dl class="facts">
      <div><dt>Signed in as</dt><dd>${who?.name || 'this browser'}</dd></div><div><dt>Role</dt><dd>${who?.role}</dd></div>
    </dl><div class="card-foot"><button class="button" onClick=${leave}>Sign out</button></div><//>
    <${Card} title="About"><dl class="facts">
      <div><dt>Version</dt><dd>${who?.version}</dd></div><div><dt>Environment</dt><dd>${who?.environment || 'not named'}</dd></div>
      <div><dt>Ledger complete to</dt><dd>${complete ? absolute(complete, zone.value) : html`<${Figure}>—<//>`}</dd></div><div><dt>Time zone shown</dt><dd>${zone.value}</dd></div>
    </dl><//>
    <${Card} title="Channels"><p class="face-note">Who is told of alerts, by which way, and when you want to be left alone.</p><div class="card-foot"><a class="button" href="/settings/channels">Open channels</a></div><//>
    <${Card} title="Sampling"><p class="face-note">What is kept, what it stands for, and the budget of spans.</p><div class="card-foot"><a class="button" href="/settings/sampling">Open sampling</a></div><//>
    <${Storage} />
    <${Card} title="Telemetry received and lost" sub="sent = stored + refused + dropped + sampled away + on the way + missing, as everybody last told" busy=${loss.busy} class="wide"><${Faces} load=${loss} what="the loss counters">${(/** @type {any} */ data) => html`<${Loss} services=${data.services} />${data.collectors.length ? html`<${Passages} collectors=${data.collectors} />` : ''}`}<//><//>
  </div>`;
}

/** @param {{services: any[]}} props */
function Loss({ services }) {
  if (!services.length) return html`<${Empty} title="No service has reported yet." />`;
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label="Telemetry received and lost, table"><table class="table"><thead><tr><th scope="col">Service</th><th scope="col">Signal</th><th scope="col" class="num wide-cell">Sent</th><th scope="col" class="num">Stored</th><th scope="col" class="num">Refused</th><th scope="col" class="num">Dropped</th><th scope="col" class="num wide-cell">Sampled away</th><th scope="col" class="num wide-cell">On the way</th><th scope="col" class="num">Missing</th><th scope="col" class="wide-cell">Where and why</th></tr></thead>
    <tbody>${services.map((row) => html`<tr key=${`${row.service} ${row.signal}`}><td class="cell-cut" title=${row.service}>${row.service}</td><td>${row.signal}</td><td class="num wide-cell"><${Figure}>${whole(row.sent)}<//></td>${[row.stored, row.refused, row.dropped].map((figure) => html`<td class="num"><${Figure}>${whole(figure)}<//></td>`)}
      ${[row.sampled, row.on_the_way].map((figure) => html`<td class="num wide-cell"><${Figure}>${whole(figure)}<//></td>`)}<td class="num" title=${row.tolerance ? `may be off by ${whole(row.tolerance)}` : null}><${Figure}>${whole(row.unexplained)}<//></td><td class="quiet wide-cell">${whereAndWhy(row)}</td></tr>`)}</tbody></table></div>`;
}

/** Where items were dropped or wait, what was refused here, and what is known of those that are missing. @param {any} row */
function whereAndWhy(row) {
  const drops = Object.entries(row.drops).flatMap(([where, found]) => Object.entries(/** @type {any} */ (found)).map(([reason, times]) => ({ reason, told: `${where} ${reason} ${whole(/** @type {number} */ (times))}` })));
  const here = Object.entries(row.reasons).filter(([reason]) => !drops.some((drop) => drop.reason === reason)).map(([reason, times]) => `refused ${reason} ${whole(/** @type {number} */ (times))}`);
  const waiting = Object.entries(row.waiting).map(([where, times]) => `waiting in ${where} ${whole(/** @type {number} */ (times))}`);
  return [...drops.map((drop) => drop.told), ...here, ...waiting, row.reason].filter(Boolean).join(', ');
}

/** @param {{collectors: any[]}} props */
function Passages({ collectors }) {
  const rows = collectors.flatMap((row) => Object.entries(row.exporters).map(([exporter, given]) => ({ ...row, exporter, .../** @type {any} */ (given) })));
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label="OpenTelemetry Collectors between, table"><table class="table"><thead><tr><th scope="col">Collector</th><th scope="col">Signal</th><th scope="col" class="num wide-cell">Accepted</th><th scope="col" class="num">Refused</th><th scope="col" class="wide-cell">Exporter</th><th scope="col" class="num">Sent</th><th scope="col" class="num">Dropped</th><th scope="col" class="num wide-cell">Queued</th><th scope="col" class="num wide-cell">Sampled away</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${`${row.service} ${row.host} ${row.signal} ${row.exporter}`}><td class="cell-cut" title=${row.service}>${row.host ? `${row.service}, ${row.host}` : row.service}</td><td>${row.signal}</td><td class="num wide-cell"><${Figure}>${whole(row.accepted)}<//></td><td class="num"><${Figure}>${whole(row.refused)}<//></td><td class="quiet wide-cell">${row.exporter}</td>${[row.sent, row.dropped].map((figure) => html`<td class="num"><${Figure}>${whole(figure)}<//></td>`)}${[row.queued, row.sampled].map((figure) => html`<td class="num wide-cell"><${Figure}>${whole(figure)}<//></td>`)}</tr>`)}</tbody></table></div>`;
}
