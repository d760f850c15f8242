// @ts-check
/**
 * Two traces beside one another: where the first one took longer, or cost more, than the second.
 *
 * Given: a trace, and the id of another in `with`. Gives: both heads, a sentence, a row for each operation of either.
 * Never: an operation of one side alone shown as if it had taken no time in the other.
 */
import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { UNKNOWN, duration, exactMoney, instant, isUnknown, milliseconds, money, plural, whole } from '../format.js';
import { outcome } from '../status.js';
import { link, params, query, route } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Money } from '../parts/chip.js';
import { buildTree, slotOf } from './layout.js';
import { compare, largest, lessMoney } from './compare.js';

const MOST_ROWS = 200;
const MINUS = '\u2212';

/** "+1.2 s" @param {number} ns */
const apart = (ns) => (ns === 0 ? '0' : `${ns < 0 ? MINUS : '+'}${duration(Math.abs(ns))}`);
/** @param {string | null} amount */
const dearer = (amount) => (isUnknown(amount) ? '' : /^-?0*(\.0*)?$/.test(String(amount)) ? '$0' : String(amount).startsWith('-') ? money(amount) : `+${money(amount)}`);

/** @param {{trace: any}} props */
export function Comparison({ trace }) {
  const id = (params.value.get('with') ?? '').toLowerCase().padStart(32, '0');
  const load = useLoad(`/api/v1/traces/${encodeURIComponent(id)}`, { subject: id });
  const back = html`<a class="button" href=${route.value.path + query({ with: null })}><${Icon} name="cross" />End comparison</a>`;
  if (load.error && !load.error.passing) return html`<${Card} title="Nothing to compare with" actions=${back}><${Empty} title=${load.error.status === 404 ? 'No spans and no ledger lines are stored under the other id.' : load.error.message} /><//>`;
  return html`<${Faces} load=${load} what="the other trace" boxed=${true}>${(/** @type {any} */ other) => html`<${Both} trace=${trace} other=${other} back=${back} />`}<//>`;
}

/** @param {{trace: any, other: any, back: any}} props */
function Both({ trace, other, back }) {
  const rows = useMemo(() => compare(buildTree(trace.spans), buildTree(other.spans)), [trace, other]);
  const shown = largest(rows, MOST_ROWS);
  const most = Math.max(1, ...rows.flatMap((row) => row.sides.map((side) => side?.duration ?? 0)));
  const swap = link(`/traces/${other.trace_id}`, { with: trace.trace_id }, ['tz']);
  const alone = [0, 1].map((which) => rows.filter((row) => row.sides[which] && !row.sides[1 - which]).length);
  return html`<div class="compared-heads"><${Head} trace=${trace} word="This trace" slot=${1} /><${Head} trace=${other} word="The other" slot=${2} /></div>
    <${Card} title="Difference" class="compared" sub=${said(trace, other, rows)} actions=${html`<a class="button" href=${swap}><${Icon} name="refresh" />Swap</a>${back}`}>
      <p class="face-note">${[alone[0] && `${plural(alone[0], 'operation')} only in this one`, alone[1] && `${plural(alone[1], 'operation')} only in the other`, shown.length < rows.length && `the ${whole(shown.length)} largest differences of ${whole(rows.length)} operations`, (trace.truncated || other.truncated) && 'only the first 20,000 spans of each are compared'].filter(Boolean).join(' · ') || 'Both have the same operations.'}</p>
      <table class="table cards-narrow compared-table"><thead><tr><th scope="col">Operation</th><th scope="col" class="num">This</th><th scope="col" class="num">Other</th><th scope="col" class="wide-cell"><span class="hidden-text">Drawn</span></th><th scope="col" class="num">Time</th><th scope="col" class="num">Cost</th></tr></thead>
        <tbody>${shown.map((row, index) => html`<${Line} key=${index} row=${row} most=${most} trace=${trace} other=${other} />`)}</tbody></table><//>`;
}

/** The sentence: how much longer and dearer, and where most of it lies. @param {any} trace @param {any} other @param {import('./compare.js').Row[]} rows */
function said(trace, other, rows) {
  const ms = isUnknown(trace.duration_ms) || isUnknown(other.duration_ms) ? null : trace.duration_ms - other.duration_ms;
  const cost = lessMoney(trace.cost_usd, other.cost_usd);
  const sign = ms !== null && ms < 0 ? -1 : 1;
  const where = [...rows].sort((a, b) => sign * (b.ownApart - a.ownApart))[0];
  const time = ms === null ? 'of unknown length' : ms === 0 ? 'equally long' : `${milliseconds(Math.abs(ms))} ${ms > 0 ? 'longer' : 'shorter'}`;
  const dear = isUnknown(cost) || Number(cost) === 0 ? 'equally dear' : `${money(String(cost).replace('-', ''))} ${Number(cost) > 0 ? 'dearer' : 'cheaper'}`;
  return `This one is ${time} and ${dear}${where && sign * where.ownApart > 0 ? `; the largest part is ${where.name}, ${apart(where.ownApart)} of its own` : ''}.`;
}

/** @param {{trace: any, word: string, slot: number}} props */
function Head({ trace, word, slot }) {
  return html`<section class="card trace-head" aria-label=${word}><p class="quiet small"><i class=${`compared-key slot${slot}`}></i>${word} · <a class="mono" href=${link(`/traces/${trace.trace_id}`, {}, ['tz'])}>${trace.trace_id.slice(0, 8)}</a></p>
    <h2>${trace.name || 'Calls without spans'}${trace.error_count ? html`<${Chip} look=${outcome('error')} />` : null}</h2>
    <dl class="figures"><div><dt>Duration</dt><dd>${milliseconds(trace.duration_ms)}</dd></div><div><dt>Cost</dt><dd><${Money} value=${trace.cost_usd} unpriced=${trace.unpriced_calls} calls=${trace.calls} /></dd></div>
      <div><dt>Spans</dt><dd>${whole(trace.span_count)}</dd></div><div><dt>Errors</dt><dd>${whole(trace.error_count)}</dd></div><div><dt>Started</dt><dd><${Ago} ms=${instant(trace.start)} /></dd></div></dl></section>`;
}

/** @param {{row: import('./compare.js').Row, most: number, trace: any, other: any}} props */
function Line({ row, most, trace, other }) {
  const [a, b] = row.sides;
  const only = a && b ? null : a ? 'only this' : 'only other';
  return html`<tr class=${only ? 'alone' : ''}>
    <td class="cell-name" style=${{ paddingLeft: `${16 + Math.min(row.depth, 12) * 13}px` }}><i class=${`row-kind slot${slotOf(row)}`}></i><span class="row-text" title=${`${row.name} · ${row.service ?? 'no service'}`}>${row.name}</span>${only ? html` <span class="only">${only}</span>` : null}</td>
    <td class="num cell-sub"><${Spent} side=${a} trace=${trace} /></td><td class="num cell-figure2"><${Spent} side=${b} trace=${other} /></td>
    <td class="wide-cell" aria-hidden="true"><span class="pair">${[a, b].map((side, which) => html`<i key=${which} class=${`slot${which + 1}`} style=${{ width: `${side?.duration ? Math.max(1, (100 * side.duration) / most) : 0}%` }}></i>`)}</span></td>
    <td class="num cell-figure">${isUnknown(a?.duration) && isUnknown(b?.duration) ? UNKNOWN : apart(row.apart)}</td>
    <td class="num cell-when" title=${row.costApart ? exactMoney(row.costApart) : undefined}>${dearer(row.costApart) || (a?.unpriced || b?.unpriced ? html`<span class="quiet">not priced</span>` : '')}</td></tr>`;
}

/** What one side spent there, leading to its first span. @param {{side: import('./compare.js').Side | null, trace: any}} props */
function Spent({ side, trace }) {
  if (!side) return html`<span class="quiet">${UNKNOWN}</span>`;
  return html`<a href=${link(`/traces/${trace.trace_id}`, { sel: side.spans[0] }, ['tz'])}>${duration(side.duration)}</a>${side.count > 1 ? html` <span class="quiet">× ${whole(side.count)}</span>` : null}${side.errors ? html` <span class="crit-text"><${Icon} name="octagon" class="crit-icon" /><span class="hidden-text">${plural(side.errors, 'error')}</span></span>` : null}`;
}
