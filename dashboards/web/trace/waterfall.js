// @ts-check
/**
 * The waterfall: virtual rows of a tree, each with its bar. Keyboard as in a tree.
 *
 * Given: roots, folded set, window in view, selection. Gives: only the rows in sight, positioned.
 * Never: more rows in the page than fit the box twice.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { axisDuration, duration, exactMoney, isUnknown, money, plural } from '../format.js';
import { useSize } from '../parts/hooks.js';
import { endOf, isStructural, marks, place, slotOf, visibleRows, walk } from './layout.js';

const POOL = 96;
const AHEAD = 6;
const NONE = /** @type {import('./critical.js').Stretch[]} */ ([]);

/**
 * @param {{roots: import('./layout.js').Node[], folded: Set<string>, fold: (ids: string[], folded: boolean) => void, view: {start: number, end: number},
 *   selected: string | null, select: (id: string, byHand: boolean) => void, narrow: boolean, path: import('./critical.js').Path | null}} props
 */
export function Waterfall({ roots, folded, fold, view, selected, select, narrow, path }) {
  const [ref, width, height] = useSize();
  const [top, setTop] = useState(0);
  const rows = useMemo(() => visibleRows(roots, folded), [roots, folded]);
  const rowHeight = narrow ? 44 : 26;
  const at = rows.findIndex((row) => row.span.span_id === selected);
  const first = Math.max(0, Math.floor(top / rowHeight) - AHEAD);
  const last = Math.min(rows.length, Math.ceil((top + (height || 600)) / rowHeight) + AHEAD);
  const moved = useRef(selected);
  useEffect(() => {
    const box = ref.current;
    if (at < 0 || !box || (moved.current === selected && top)) return;
    moved.current = selected;
    const y = at * rowHeight;
    const far = y < box.scrollTop - 3 * rowHeight || y > box.scrollTop + box.clientHeight + 3 * rowHeight;
    if (far) box.scrollTop = y - box.clientHeight / 2;
    else if (y < box.scrollTop) box.scrollTop = y;
    else if (y + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = y + rowHeight - box.clientHeight;
  }, [selected, at, height > 0]);
  const frame = useRef(0);
  const scrolled = (/** @type {Event} */ event) => {
    const box = /** @type {HTMLElement} */ (event.currentTarget);
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => setTop(box.scrollTop));
  };
  const press = (/** @type {KeyboardEvent} */ event) => { if (treeKey(event, rows, at, folded, fold, (id) => select(id, false))) { event.preventDefault(); event.stopPropagation(); } };
  const nameWidth = narrow ? 0 : Math.min(440, Math.max(250, width * 0.43));
  const ticks = marks(view, narrow ? 3 : Math.max(2, Math.floor((width - nameWidth) / 120)));
  const lane = { left: narrow ? 12 : nameWidth, right: narrow ? 12 : path ? 150 : 72 };
  const across = (/** @type {number} */ ns) => `calc(${lane.left}px + (100% - ${lane.left + lane.right}px) * ${(ns - view.start) / (view.end - view.start)})`;
  const oneService = useMemo(() => { const name = roots[0]?.span.service; let same = true; walk(roots, (node) => { same &&= node.span.service === name; }); return same; }, [roots]);
  const inSight = at >= first && at < last;
  return html`<div class=${`waterfall${narrow ? ' narrow' : ''}${oneService ? ' one-service' : ''}${path ? ' with-path' : ''}`}>
    <div class="ruler" aria-hidden="true">${narrow ? null : html`<span class="ruler-names" style=${{ width: `${nameWidth}px` }}><b>Span</b><b>Cost</b></span>`}${ticks.map((tick) => html`<i key=${tick} style=${{ left: across(tick) }}>${axisDuration(tick)}</i>`)}</div>
    <div class="water-scroll" style=${{ height: `min(${rows.length * rowHeight}px, var(--water))` }} ref=${ref} role="tree" aria-label="Spans" tabindex="0" aria-activedescendant=${inSight ? `row-${selected}` : undefined} onScroll=${scrolled} onKeyDown=${press}>
      <div class="water-space" role="presentation" style=${{ height: `${rows.length * rowHeight}px` }}>
        ${ticks.map((tick) => html`<i key=${tick} class="water-line" aria-hidden="true" style=${{ left: across(tick) }}></i>`)}
        ${rows.slice(first, last).map((node, offset) => html`<${Row} key=${(first + offset) % POOL} node=${node} y=${(first + offset) * rowHeight} view=${view} nameWidth=${nameWidth} lane=${lane}
          narrow=${narrow} selected=${node.span.span_id === selected} folded=${folded.has(node.span.span_id)} fold=${fold} select=${select} own=${path?.own.get(node.span.span_id) ?? null} stretches=${path?.stretches.get(node.span.span_id) ?? NONE} />`)}
      </div>
    </div>
  </div>`;
}

/** @param {KeyboardEvent} event @param {import('./layout.js').Node[]} rows @param {number} at @param {Set<string>} folded @param {(ids: string[], folded: boolean) => void} fold @param {(id: string) => void} go */
function treeKey(event, rows, at, folded, fold, go) {
  if (event.metaKey || event.ctrlKey || event.altKey) return false;
  const to = (/** @type {number} */ index) => { const row = rows[Math.max(0, Math.min(rows.length - 1, index))]; if (row) go(row.span.span_id); return true; };
  const node = rows[at];
  const id = node?.span.span_id;
  switch (event.key) {
    case 'ArrowDown': case 'j': return to(at + 1);
    case 'ArrowUp': case 'k': return to(at - 1);
    case 'PageDown': return to(at + 15);
    case 'PageUp': return to(at - 15);
    case 'Home': return to(0);
    case 'End': return to(rows.length - 1);
    case 'ArrowRight':
      if (!node?.children.length) return true;
      if (folded.has(id)) fold([id], false); else to(at + 1);
      return true;
    case 'ArrowLeft':
      if (node?.children.length && !folded.has(id)) fold([id], true); else if (node?.parent) go(node.parent.span.span_id);
      return true;
    default: return false;
  }
}

/** @param {any} props */
function Row({ node, y, view, nameWidth, lane, narrow, selected, folded, fold, select, own, stretches }) {
  const { span, beneath } = node;
  const bar = place(span.start_offset_ns, endOf(span), view);
  const failed = span.status === 'error';
  const slot = slotOf(span);
  const toggle = (/** @type {Event} */ event) => { event.stopPropagation(); fold([span.span_id], !folded); };
  const cost = folded ? beneath.cost : span.ledger?.cost_usd ?? null;
  const unpriced = folded ? beneath.unpriced : span.ledger && isUnknown(span.ledger.cost_usd) ? 1 : 0;
  const whole = isUnknown(span.duration_ns) ? 'no end' : duration(span.duration_ns);
  const time = own === null ? whole : html`${own < span.duration_ns ? `${whole} ` : ''}<b class="row-own" title="Own time on the critical path"><span class="hidden-text">, </span>${duration(own)}<span class="hidden-text"> of its own on the critical path</span></b>`;
  const roomy = nameWidth - 60 - Math.min(node.depth, 14) * 13 - (cost !== null || unpriced ? 90 : 0) > 7 * (span.name.length + Math.min(8, span.service?.length ?? 0));
  const name = html`<span class="row-name" style=${{ paddingLeft: `${8 + Math.min(node.depth, 14) * (narrow ? 10 : 13)}px`, width: narrow ? undefined : `${nameWidth}px` }}>
    <span class="row-fold" aria-hidden="true" onClick=${node.children.length ? toggle : undefined}>${node.children.length ? html`<${Icon} name=${folded ? 'right' : 'down'} />` : null}</span>
    <i class=${`row-kind slot${slot}`}></i>${failed ? html`<${Icon} name="octagon" class="crit-icon" /><span class="hidden-text">error</span>` : null}<span class="row-text" title=${span.name}>${span.name}</span>${roomy ? html`<span class="row-service">${span.service}</span>` : null}
    ${folded && beneath.errors > (failed ? 1 : 0) ? html`<span class="row-errors">${plural(beneath.errors, 'error')}</span>` : null}
    <span class="row-cost" title=${cost === null ? undefined : exactMoney(cost)}>${cost !== null ? `${folded ? 'Σ ' : ''}${money(cost)}` : unpriced ? html`<span class="quiet">not priced</span>` : null}</span></span>`;
  return html`<div class=${`row${selected ? ' selected' : ''}${own === null ? '' : ' on-path'}`} role="treeitem" id=${`row-${span.span_id}`} aria-level=${node.depth + 1} aria-setsize=${node.siblings} aria-posinset=${node.position} aria-selected=${selected}
    aria-expanded=${node.children.length ? String(!folded) : undefined}
    style=${{ transform: `translateY(${y}px)` }} onClick=${() => select(span.span_id, true)}>
    ${name}${narrow ? html`<span class="row-time">${time}</span>` : null}
    ${bar ? html`<span class="row-lane" style=${{ left: `${lane.left}px`, right: `${lane.right}px` }}>
      <i class=${`row-bar slot${slot}${isStructural(span) ? ' structural' : ''}${failed ? ' failed' : ''}${bar.open ? ' open' : ''}`} style=${{ left: `${bar.left * 100}%`, width: `max(2px, ${bar.width * 100}%)` }}></i>
      ${stretches.map((/** @type {import('./critical.js').Stretch} */ one) => { const part = place(one.from, one.to, view); return part ? html`<i key=${one.from} class="row-path" style=${{ left: `${part.left * 100}%`, width: `max(2px, ${part.width * 100}%)` }}></i>` : null; })}
      ${ticksOf(span, view).map((tick, index) => html`<i key=${index} class=${`row-tick ${tick.kind}`} style=${{ left: `${tick.at * 100}%` }}></i>`)}
      ${narrow ? null : html`<span class="row-label" style=${{ left: `calc(${(bar.left + bar.width) * 100}% + 6px)` }}>${time}</span>`}</span>` : null}
  </div>`;
}

/** Marks inside a bar: the first token and the span's events. @param {any} span @param {{start: number, end: number}} view */
function ticksOf(span, view) {
  const found = (span.events ?? []).slice(0, 20).map((/** @type {any} */ event) => ({ kind: 'event', ns: event.offset_ns ?? span.start_offset_ns }));
  const first = span.ledger?.time_to_first_chunk_ms;
  if (!isUnknown(first)) found.push({ kind: 'first', ns: span.start_offset_ns + first * 1e6 });
  return found.map((/** @type {any} */ one) => ({ kind: one.kind, at: (one.ns - view.start) / (view.end - view.start) })).filter((/** @type {any} */ one) => one.at >= 0 && one.at <= 1);
}
