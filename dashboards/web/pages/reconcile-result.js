// @ts-check
/** One bill's result: the sentence, what explains the difference, days × models, each cell that differs. Never: a cell whose colour alone says what it is. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { exactMoney, instant, isUnknown, money, percent, plural, whole } from '../format.js';
import { formatFilter } from '../filters.js';
import { link } from '../url.js';
import { Card, Empty } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { differenceWords } from '../prices/words.js';
import { amountOf, billLook, differing, gridOf, sentence, toleranceWords, toneOf, whyWords } from '../prices/bills.js';

const SHOWN = 40;
const MARKS = { same: '', under: '▲', over: '▼', open: '·' };

/** @param {{bill: any}} props */
export function Result({ bill }) {
  const look = billLook(bill.state);
  const say = amountOf(bill, money);
  const exact = bill.compared === 'cost' ? exactMoney : () => undefined;
  const explained = bill.explained.filter((/** @type {any} */ one) => Number(one.difference) !== 0);
  const notes = [...bill.notes, ...bill.left_out.map((/** @type {any} */ one) => `left out: ${plural(one.rows, 'row')} of ${one.what}${isUnknown(one.amount) ? '' : `, ${money(one.amount)}`}`), ...bill.credits.map((/** @type {any} */ one) => `credit: ${one.what} ${money(one.amount)}`)];
  return html`<section class=${`sentence ${look.tone}`} aria-label="The result in a sentence"><${Icon} name=${look.icon} /><div class="sentence-text"><h2>${sentence(bill)}</h2><p>${toleranceWords(bill)}</p></div></section>
    <${Card} title=${bill.file ?? bill.format} sub=${[bill.format, `${bill.from} to ${bill.to}`, `days of ${bill.timezone}`, plural(bill.rows, 'row'), ...bill.providers].join(', ')} actions=${html`<span class="quiet">by ${bill.made_by} <${Ago} ms=${instant(bill.at)} /></span>`} class="bill-card">
      <div class="total"><dl class="figures">
        <div><dt>Bill</dt><dd title=${exact(bill.bill)}>${say(bill.bill)}</dd></div><div><dt>Ledger</dt><dd title=${exact(bill.ledger)}>${say(bill.ledger)}</dd></div>
        <div><dt>Difference</dt><dd title=${exact(bill.difference)}>${bill.compared === 'cost' ? differenceWords(bill.difference) : say(bill.difference)}</dd></div>
        <div><dt>Seen</dt><dd>${percent(isUnknown(bill.seen) ? null : Number(bill.seen))}</dd></div>
        ${bill.unpriced_calls ? html`<div><dt>Without a price</dt><dd><a href=${link('/costs/prices', { from: `${bill.from}T00:00:00Z`, to: `${bill.to}T23:59:59Z` }, ['tz'])}>${plural(bill.unpriced_calls, 'call')}</a></dd></div>` : null}
      </dl></div>
      ${explained.length ? html`<h3 class="card-sub">What explains it</h3><ul class="explained">${explained.map((/** @type {any} */ one) => { const [what, todo] = whyWords(one.why); return html`<li key=${one.why}><b title=${exact(one.difference)}>${bill.compared === 'cost' ? differenceWords(one.difference) : say(one.difference)}</b><span>${what}<span class="quiet">: ${todo}</span></span></li>`; })}</ul>` : null}
      ${bill.suggested_timezone_shift_hours ? html`<p class="notice"><${Icon} name="clock" /><span>Both agree better when days begin ${Math.abs(Number(bill.suggested_timezone_shift_hours))} h ${Number(bill.suggested_timezone_shift_hours) > 0 ? 'later' : 'earlier'} in the bill: name its time zone, and compare again.</span></p>` : null}
      ${notes.length ? html`<ul class="bill-notes quiet small">${notes.map((/** @type {string} */ one) => html`<li key=${one}>${one}</li>`)}</ul>` : null}<//>
    <${Grid} bill=${bill} /><${Cells} bill=${bill} />`;
}

/** Days of the bill, models down: where it differs, at a glance. @param {{bill: any}} props */
function Grid({ bill }) {
  const { days, models, more } = gridOf(bill.cells);
  if (days.length < 2 || !models.length) return null;
  const say = amountOf(bill, money);
  const told = (/** @type {any} */ cell) => (cell ? `${cell.day}: bill ${isUnknown(cell.bill) ? 'nothing' : say(cell.bill)}, ledger ${isUnknown(cell.ledger) ? 'nothing' : say(cell.ledger)}${cell.why ? `; ${whyWords(cell.why)[0]}` : ''}` : 'nothing on either side');
  return html`<${Card} title="By day and model" sub=${html`<span class="key"><i class="heat same"></i> same</span> <span class="key"><i class="heat under">▲</i> the bill has more</span> <span class="key"><i class="heat over">▼</i> the ledger has more</span>`}>
    <div class="scroll-x" tabindex="0" role="region" aria-label="By day and model, table"><table class="heat-table"><thead><tr><th scope="col"><span class="hidden-text">Model</span></th>${days.map((day) => html`<th scope="col" key=${day}><abbr title=${day}>${Number(day.slice(8))}</abbr></th>`)}<th scope="col" class="num">Difference</th></tr></thead>
      <tbody>${models.map((row) => html`<tr key=${row.model}><th scope="row" title=${row.model ?? ''}>${row.model ?? 'no model named'}</th>${days.map((day) => { const cell = row.cells.get(day); const tone = cell ? toneOf(cell) : 'none'; return html`<td key=${day}><span class=${`heat ${tone}`} title=${told(cell)}><span aria-hidden="true">${MARKS[/** @type {keyof typeof MARKS} */ (tone)] ?? ''}</span><span class="hidden-text">${told(cell)}</span></span></td>`; })}<td class="num">${bill.compared === 'cost' ? differenceWords(row.difference) : say(row.difference)}</td></tr>`)}</tbody></table></div>
    ${more || bill.more_cells ? html`<p class="card-note">${[more ? plural(more, 'model that differs less', 'models that differ less') : '', bill.more_cells ? plural(bill.more_cells, 'cell that differs less', 'cells that differ less') : ''].filter(Boolean).join(', ')} not drawn.</p>` : null}<//>`;
}

/** @param {{bill: any}} props */
function Cells({ bill }) {
  const [all, setAll] = useState(false);
  const cells = differing(bill.cells);
  const say = amountOf(bill, money);
  const projects = cells.some((cell) => cell.project !== null);
  const rows = all ? cells : cells.slice(0, SHOWN);
  const linesOf = (/** @type {any} */ cell) => link('/costs', { tab: 'ledger', f: cell.model ? [formatFilter({ key: 'model', op: ':', value: cell.model, negated: false })] : [], from: `${cell.day}T00:00:00Z`, to: `${cell.day}T23:59:59.999Z` }, ['tz']);
  return html`<${Card} title="What differs" sub=${cells.length ? `${plural(cells.length, 'cell')} of ${whole(bill.cells.length)}, most first` : ''}>${cells.length ? html`<table class="table cards-narrow cells-table">
    <thead><tr><th scope="col">Model</th><th scope="col">Day</th><th scope="col" class="num">Bill</th><th scope="col" class="num">Ledger</th><th scope="col" class="num">Difference</th><th scope="col">Why</th></tr></thead>
    <tbody>${rows.map((cell) => html`<tr key=${`${cell.day} ${cell.model} ${cell.project}`}><td class="cell-name">${cell.ledger_calls ? html`<a href=${linesOf(cell)} title=${cell.model}>${cell.model ?? 'no model named'}</a>` : cell.model ?? 'no model named'}${projects ? html` <span class="quiet">${cell.project ?? 'no project'}</span>` : null}</td><td class="cell-sub">${cell.day}</td>
      <td class="num wide-cell">${isUnknown(cell.bill) ? html`<span class="quiet">nothing</span>` : say(cell.bill)}</td><td class="num wide-cell">${isUnknown(cell.ledger) ? html`<span class="quiet">nothing</span>` : say(cell.ledger)}</td>
      <td class="num cell-figure">${bill.compared === 'cost' ? differenceWords(cell.difference) : say(cell.difference)}</td><td class="cell-why"><b>${whyWords(cell.why)[0]}</b> <span class="quiet">${cell.text}</span></td></tr>`)}</tbody></table>
    ${rows.length < cells.length ? html`<p class="more"><button class="button" onClick=${() => setAll(true)}>Show all ${whole(cells.length)}</button></p>` : null}`
  : html`<${Empty} title=${bill.state === 'unknown' ? 'Nothing could be compared.' : 'Every cell of the bill is the ledger’s.'} />`}<//>`;
}
