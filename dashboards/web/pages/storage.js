// @ts-check
/** How large the store is, by table, how fast it grows, and how long the room lasts. Never: a growth that nobody has measured. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { bytes, plural, whole } from '../format.js';
import { Card, Faces } from '../parts/card.js';
import { Figure } from '../parts/chip.js';
import { keptWords } from '../settings/words.js';

const SHOWN = 8;

/** The card of Settings, Data. */
export function Storage() {
  const load = useLoad('/api/v1/storage');
  return html`<${Card} title="Size" sub="what is kept, and what comes to it a day" busy=${load.busy} class="wide"><${Faces} load=${load} what="the size of the store">${(/** @type {any} */ data) => html`<${Room} data=${data} /><${Tables} tables=${data.tables.filter((/** @type {any} */ table) => table.rows || table.bytes)} />`}<//><//>`;
}

/** @param {number | null} days */
const lasting = (days) => (days === null ? 'no end in sight' : days < 1 ? 'reached today' : `reached in ${plural(Math.floor(days), 'day')}`);

/** @param {{data: any}} props */
function Room({ data }) {
  return html`<dl class="facts">
    <div><dt>Used</dt><dd><${Figure}>${bytes(data.used_bytes)}<//> <span class="quiet">file ${bytes(data.file_bytes)}, log ${bytes(data.wal_bytes)}</span></dd></div>
    <div><dt>Growth a day</dt><dd><${Figure}>${bytes(data.growth_bytes_a_day)}<//></dd></div>
    <div><dt>Limit (--max-disk)</dt><dd>${data.max_disk_bytes === null ? 'none' : html`${bytes(data.max_disk_bytes)}, ${lasting(data.days_until_max_disk)}`}</dd></div>
    ${data.disk_free_bytes === null ? null : html`<div><dt>Free on the volume</dt><dd>${bytes(data.disk_free_bytes)}, ${lasting(data.days_until_disk_full)}</dd></div>`}
  </dl>`;
}

/** @param {{tables: any[]}} props */
function Tables({ tables }) {
  const [all, setAll] = useState(false);
  const rows = all ? tables : tables.slice(0, SHOWN);
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label="Size by table, table"><table class="table"><thead><tr><th scope="col">Table</th><th scope="col" class="num">Size</th><th scope="col" class="num wide-cell">Rows</th><th scope="col" class="num">Size a day</th><th scope="col" class="num wide-cell">Rows a day</th><th scope="col" class="num">Kept</th></tr></thead>
    <tbody>${rows.map((table) => html`<tr key=${table.name}><td class="cell-cut" title=${table.name}>${table.name}</td><td class="num"><${Figure}>${bytes(table.bytes || !table.rows ? table.bytes : null)}<//></td><td class="num wide-cell"><${Figure}>${whole(table.rows)}<//></td><td class="num"><${Figure}>${bytes(table.bytes_a_day)}<//></td><td class="num wide-cell"><${Figure}>${whole(table.rows_a_day)}<//></td><td class=${`num${table.kept_days === null ? ' quiet' : ''}`}>${keptWords(table.kept_days)}</td></tr>`)}</tbody></table>
    ${tables.length > SHOWN ? html`<p class="more"><button class="button" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? 'Show the largest' : `Show all ${plural(tables.length, 'table')}`}</button></p>` : null}</div>`;
}
