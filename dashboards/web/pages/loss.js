// @ts-check
/** Telemetry that was received and lost, service by service and through Collectors. Never: "missing" without what may be off. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { whole } from '../format.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Figure } from '../parts/chip.js';

/** The card of Settings, Data. */
export function Received() {
  const loss = useLoad('/api/v1/loss', { every: 30_000 });
  return html`<${Card} title="Telemetry received and lost" sub="sent = stored + refused + dropped + sampled away + on the way + missing, as everybody last told" busy=${loss.busy}><${Faces} load=${loss} what="the loss counters">${(/** @type {any} */ data) => html`<${Loss} services=${data.services} />${data.collectors.length ? html`<${Passages} collectors=${data.collectors} />` : ''}`}<//><//>`;
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
