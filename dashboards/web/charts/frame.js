// @ts-check
/**
 * What every chart has around it: legend, "view as table", tooltip. Shared by lines and bars.
 *
 * Given: a legend, a table of the same figures, the drawing. Gives: the card's body.
 * Never: a chart whose figures cannot be read as text.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { Card } from '../parts/card.js';

/** @typedef {{label: string, slot: number | null, value?: string, hatched?: boolean, line?: boolean, band?: boolean}} Key */
/** @typedef {{columns: string[], rows: any[][]}} Table first cell of a row may be a node */

/** @param {{title: string, sub?: any, actions?: any, legend: Key[], table: () => Table, busy?: boolean, children: any, empty?: boolean, class?: string, marks?: import('./marks.js').Happened}} props marks: what happened beside the figures */
export function ChartCard({ title, sub, actions, legend, table, busy, children, empty = false, class: extra = '', marks }) {
  const [asTable, setAsTable] = useState(false);
  const toggle = html`<button class="icon-button" aria-pressed=${asTable} aria-label=${`View ${title} as table`} title="View as table" onClick=${() => setAsTable(!asTable)}><${Icon} name="table" /></button>`;
  return html`<${Card} title=${title} sub=${sub} busy=${busy} class=${`chart-card ${extra}`} actions=${html`${empty ? null : toggle}${actions}`}>
    ${empty ? children : html`<${Legend} keys=${legend} marks=${marks} />${asTable ? html`<${FigureTable} title=${title} ...${table()} />${marks?.list.length ? html`<${FigureTable} title="What happened then" columns=${['When', 'Kind', 'What']} rows=${marks.rows} />` : null}` : children}`}
  <//>`;
}

/** @param {{keys: Key[], marks?: import('./marks.js').Happened}} props */
export function Legend({ keys, marks }) {
  return html`<ul class="legend">${keys.map((key) => html`<li key=${key.label}><i class=${key.hatched ? 'hatched' : key.band ? 'band' : `slot${key.slot ?? 0}${key.line ? ' line' : ''}`}></i>${key.label}${key.value ? html` <b>${key.value}</b>` : null}</li>`)}${marks?.keys}</ul>`;
}

/** @param {Table & {title: string}} props */
export function FigureTable({ title, columns, rows }) {
  return html`<div class="figure-table" tabindex="0" role="region" aria-label=${`${title}, as table`}><table>
    <thead><tr>${columns.map((name, index) => html`<th scope="col" class=${index ? 'num' : ''}>${name}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((cell, index) => html`<td class=${index ? 'num' : ''}>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

/**
 * The tooltip beside the cursor; it flips past 60 % of the width.
 * @param {{x: number, width: number, title: string, rows: {label: string, slot: number | null, value: string}[]}} props
 */
export function Tip({ x, width, title, rows }) {
  const side = x > width * 0.6 ? { right: `${width - x + 12}px` } : { left: `${x + 12}px` };
  return html`<div class="tip" style=${side} aria-hidden="true"><b>${title}</b>${rows.map((row) => html`<span key=${row.label}><i class=${`slot${row.slot ?? 0}`}></i>${row.label}<em>${row.value}</em></span>`)}</div>`;
}
