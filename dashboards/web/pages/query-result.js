// @ts-check
/**
 * The rows of a query: as a table, as bars by the first text, as lines over the first time; and as CSV.
 *
 * Given: columns with types, rows with every number as the digits that were sent. Gives: the card.
 * Never: null drawn as blank or as 0, or a chart of a column that holds no numbers.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { count, isUnknown, plural, shortDateTime, threeDigits, whole } from '../format.js';
import { link, params, setParams, zone } from '../url.js';
import { Card, Empty } from '../parts/card.js';
import { Legend } from '../charts/frame.js';
import { Lines } from '../charts/lines.js';
import { toast } from '../parts/toast.js';

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*\)|DOUBLE|FLOAT)$/;
const MOMENT = /^(TIMESTAMP|DATE)/;
const SHOWN = 200;
const MOST_BARS = 40;
const MOST_LINES = 6;

/** @param {{type: string}} column */
const isNumber = (column) => NUMBER.test(column.type);

/** Which drawings these rows allow. @param {import('./query.js').Rows} rows */
function drawings({ columns, rows }) {
  const numbers = columns.some(isNumber);
  const times = columns.findIndex((column) => MOMENT.test(column.type));
  const distinct = times >= 0 && new Set(rows.map((row) => row[times])).size === rows.length;
  return ['table', ...(numbers && rows.length ? ['bars'] : []), ...(numbers && times >= 0 && distinct && rows.length > 1 ? ['lines'] : [])];
}

/** @param {{run: import('./query.js').Run, limit: number}} props */
export function Outcome({ run, limit }) {
  const rows = /** @type {import('./query.js').Rows} */ (run.rows);
  const allowed = drawings(rows);
  const asked = params.value.get('tab') ?? 'table';
  const tab = allowed.includes(asked) ? asked : 'table';
  const sub = `${rows.truncated ? `first ${whole(rows.rows.length)} of more` : plural(rows.rows.length, 'row')} in ${threeDigits(Number(rows.elapsed_ms))}\u202fms`;
  const tools = html`<span class="segments" role="group" aria-label="Show as">${allowed.map((one) => html`<button key=${one} aria-pressed=${one === tab} onClick=${() => setParams({ tab: one === 'table' ? null : one })}>${one[0].toUpperCase() + one.slice(1)}</button>`)}</span>
    <button class="button" onClick=${() => save(run, limit)}><${Icon} name="download" />CSV</button>`;
  return html`<${Card} title="Result" sub=${sub} busy=${run.phase === 'busy'} actions=${tools} class="result-card">
    ${!rows.rows.length ? html`<${Empty} title="No rows." />` : tab === 'bars' ? html`<${BarList} rows=${rows} />` : tab === 'lines' ? html`<${OverTime} rows=${rows} />` : html`<${Grid} rows=${rows} />`}
  <//>`;
}

/** The server's own CSV of the same statement. @param {import('./query.js').Run} run @param {number} limit */
async function save(run, limit) {
  const answer = await fetch('/api/v1/query?format=csv&safe=true', { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ sql: run.sql, params: run.params, limit }) }).catch(() => null);
  if (!answer?.ok) return toast('The CSV could not be had');
  const address = URL.createObjectURL(await answer.blob());
  const anchor = Object.assign(document.createElement('a'), { href: address, download: 'query.csv' });
  anchor.click();
  URL.revokeObjectURL(address);
  return undefined;
}

/** @param {{rows: import('./query.js').Rows}} props */
function Grid({ rows: { columns, rows } }) {
  const [most, setMost] = useState(SHOWN);
  return html`<div class="scroll-x result-grid" tabindex="0" role="region" aria-label="Rows"><table class="table"><thead><tr>${columns.map((column) => html`<th scope="col" class=${isNumber(column) ? 'num' : ''} title=${column.type}>${column.name}</th>`)}</tr></thead>
    <tbody>${rows.slice(0, most).map((row, index) => html`<tr key=${index}>${row.map((cell, at) => html`<td class=${isNumber(columns[at]) ? 'num' : 'cell-text'}><${Cell} cell=${cell} column=${columns[at]} /></td>`)}</tr>`)}</tbody></table>
    ${rows.length > most ? html`<p class="more"><button class="button" onClick=${() => setMost(most + 5 * SHOWN)}>Show more</button></p>` : null}</div>`;
}

const TRACE = /^[0-9a-f]{32}$/;

/** @param {{cell: any, column: {name: string, type: string}}} props */
function Cell({ cell, column }) {
  if (cell === null) return html`<span class="null">null</span>`;
  const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
  if (column.name === 'trace_id' && TRACE.test(text.replaceAll('-', ''))) return html`<a class="mono" href=${link(`/traces/${text.replaceAll('-', '')}`, {}, ['tz'])}>${text}</a>`;
  return html`<span title=${text.length > 60 ? text : undefined}>${text}</span>`;
}

/** The column that names a row, and the one that measures it. @param {import('./query.js').Rows} rows */
function axes({ columns }) {
  const names = columns.map((column, index) => (isNumber(column) ? -1 : index)).filter((index) => index >= 0);
  return { names, measure: columns.findIndex(isNumber) };
}

/** @param {{rows: import('./query.js').Rows}} props */
function BarList({ rows }) {
  const { names, measure } = axes(rows);
  const values = rows.rows.map((row) => (row[measure] === null ? null : Number(row[measure])));
  const most = Math.max(0, ...values.map((value) => Math.abs(value ?? 0)));
  const name = (/** @type {any[]} */ row) => (names.length ? names.map((index) => row[index] ?? 'none').join(' · ') : '');
  return html`<ol class="bar-list" aria-label=${`${rows.columns[measure].name} of each row`}>${rows.rows.slice(0, MOST_BARS).map((row, index) => html`<li key=${index}>
    <span class="bar-name" title=${name(row)}>${name(row) || `row ${index + 1}`}</span><span class="bar-track"><i style=${{ width: `${most && !isUnknown(values[index]) ? (Math.abs(Number(values[index])) / most) * 100 : 0}%` }}></i></span>
    <span class="bar-figure">${row[measure] === null ? html`<span class="null">null</span>` : row[measure]}</span></li>`)}</ol>
    ${rows.rows.length > MOST_BARS ? html`<p class="face-note">The first ${MOST_BARS} of ${whole(rows.rows.length)} rows.</p>` : null}`;
}

/** @param {{rows: import('./query.js').Rows}} props */
function OverTime({ rows }) {
  const at = rows.columns.findIndex((column) => MOMENT.test(column.type));
  const measured = rows.columns.map((column, index) => (isNumber(column) ? index : -1)).filter((index) => index >= 0).slice(0, MOST_LINES);
  const ordered = [...rows.rows].map((row) => ({ at: Date.parse(utc(String(row[at]))) / 1000, row })).filter((one) => Number.isFinite(one.at)).sort((a, b) => a.at - b.at);
  const lines = measured.map((index, place) => ({ label: rows.columns[index].name, slot: place + 1, width: 1.75 }));
  const values = measured.map((index) => ordered.map(({ row }) => (row[index] === null ? null : Number(row[index]))));
  const times = ordered.map((one) => one.at);
  const statement = `${lines.map((line) => line.label).join(', ')} from ${shortDateTime(times[0] * 1000, zone.value)} to ${shortDateTime(Number(times.at(-1)) * 1000, zone.value)}`;
  return html`<${Legend} keys=${lines.map((line) => ({ label: line.label, slot: line.slot, line: true }))} /><${Lines} statement=${statement} times=${times} values=${values} lines=${lines} text=${(/** @type {number | null} */ value) => String(value)} axis=${count} height=${300} />`;
}

/** A moment without a zone is UTC: so are the views. @param {string} text */
const utc = (text) => (/[zZ]|[+-]\d\d(:?\d\d)?$/.test(text.slice(10)) ? text : `${text.replace(' ', 'T')}${text.length > 10 ? 'Z' : ''}`);
