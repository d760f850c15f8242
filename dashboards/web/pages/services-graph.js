// @ts-check
/** Who calls whom: services from callers to called, a line for the calls between them, a table on narrow screens. Never: colour alone for how one does. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { count, plural, whole } from '../format.js';
import { link } from '../url.js';
import { busiest, layout } from '../graph.js';
import { healthLook } from '../health/words.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { useSize } from '../parts/hooks.js';
import { FigureTable } from '../charts/frame.js';

/** @typedef {import('../graph.js').Edge} Edge */

const DAY_MS = 864e5;
const MINUTE_MS = 60_000;
const MOST = 40;
const NODE = { high: 34, gap: 14, most: 200, least: 112, between: 76, far: 240 };
const NARROW = 620;

const addressOf = (/** @type {string} */ name) => link(`/services/${encodeURIComponent(name)}`, {}, ['tz']);

/** @param {{services: any[]}} props */
export function Graph({ services }) {
  const [until] = useState(() => Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS);
  const [asTable, setAsTable] = useState(false);
  const load = useLoad(`/api/dependencies?endTs=${until}&lookback=${DAY_MS}`);
  const all = /** @type {Edge[]} */ ((load.data?.data ?? []).filter((/** @type {any} */ one) => one.parent !== one.child).map((/** @type {any} */ one) => ({ parent: one.parent, child: one.child, calls: one.callCount })));
  const { edges, left } = busiest(all, MOST);
  const actions = all.length ? html`<button class="icon-button" aria-pressed=${asTable} aria-label="View Who calls whom as table" title="View as table" onClick=${() => setAsTable(!asTable)}><${Icon} name="table" /></button>` : null;
  return html`<${Card} title="Who calls whom" sub=${`kept traces of 24 hours${left ? ` · ${plural(left, 'service')} with fewer calls left out` : ''}`} busy=${load.busy} actions=${actions} class="graph-card"><${Faces} load=${load} what="the calls between services" blank=${html`<div class="face blank list-blank"></div>`}>${() => (all.length
    ? html`<${Drawing} edges=${edges} all=${all} asTable=${asTable} states=${new Map(services.map((one) => [one.name, one.status]))} />` : html`<${Empty} title="No trace of 24 hours leads from one service to another." />`)}<//><//>`;
}

/** @param {{edges: Edge[], all: Edge[], asTable: boolean, states: Map<string, string>}} props */
function Drawing({ edges, all, asTable, states }) {
  const [ref, width] = useSize();
  const [over, setOver] = useState('');
  const rows = [...all].sort((a, b) => b.calls - a.calls).map((edge) => [html`<a href=${addressOf(edge.parent)}>${edge.parent}</a>`, html`<a href=${addressOf(edge.child)}>${edge.child}</a>`, whole(edge.calls)]);
  const { nodes, layers, rows: high } = layout(edges);
  const wide = Math.min(NODE.most, Math.floor((width - 32 - (layers - 1) * NODE.between) / layers));
  const table = html`<${FigureTable} title="Who calls whom" columns=${['Caller', 'Called', 'Calls']} rows=${rows} />`;
  const narrow = width > 0 && (width < NARROW || wide < NODE.least);
  return html`<div ref=${ref}>${width && (asTable || narrow) ? table : null}${width && !asTable && !narrow ? html`<${Picture} nodes=${nodes} edges=${edges} layers=${layers} rows=${high} width=${width} wide=${wide} states=${states} over=${over} setOver=${setOver} />` : null}</div>`;
}

/** @param {{nodes: import('../graph.js').Node[], edges: Edge[], layers: number, rows: number, width: number, wide: number, states: Map<string, string>, over: string, setOver: (name: string) => void}} props */
function Picture({ nodes, edges, layers, rows, width, wide, states, over, setOver }) {
  const step = layers > 1 ? Math.min(wide + NODE.far, (width - 32 - wide) / (layers - 1)) : 0;
  const left = (width - wide - step * (layers - 1)) / 2;
  const inLayer = (/** @type {number} */ layer) => nodes.filter((node) => node.layer === layer).length;
  const high = rows * (NODE.high + NODE.gap) + NODE.gap;
  const place = new Map(nodes.map((node) => [node.name, { x: left + node.layer * step, y: (high - inLayer(node.layer) * (NODE.high + NODE.gap)) / 2 + NODE.gap / 2 + node.row * (NODE.high + NODE.gap) }]));
  const most = Math.max(...edges.map((edge) => edge.calls));
  const path = (/** @type {Edge} */ edge) => {
    const [from, to] = [place.get(edge.parent), place.get(edge.child)];
    if (!from || !to) return '';
    const [x1, y1, x2, y2] = [from.x + wide, from.y + NODE.high / 2, to.x, to.y + NODE.high / 2];
    if (x2 > x1) return `M${x1} ${y1}C${x1 + (x2 - x1) / 2} ${y1} ${x1 + (x2 - x1) / 2} ${y2} ${x2} ${y2}`;
    return `M${from.x + wide / 2} ${from.y}C${from.x + wide / 2} ${from.y - 26} ${to.x + wide / 2} ${to.y - 26} ${to.x + wide / 2} ${to.y}`;
  };
  const near = (/** @type {Edge} */ edge) => !over || edge.parent === over || edge.child === over;
  return html`<div class="graph" style=${{ height: `${high}px` }} role="group" aria-label=${`${plural(nodes.length, 'service')}, ${plural(edges.length, 'connection')}`}>
    <svg width=${width} height=${high} aria-hidden="true">${edges.map((edge) => html`<path key=${`${edge.parent} ${edge.child}`} class=${near(edge) ? 'near' : ''} d=${path(edge)} stroke-width=${1 + 4 * Math.sqrt(edge.calls / most)} />`)}
      ${edges.filter((edge) => over ? near(edge) : edges.length <= 14).map((edge) => { const [from, to] = [place.get(edge.parent), place.get(edge.child)]; return from && to && to.x > from.x ? html`<text key=${`${edge.parent} ${edge.child}`} x=${(from.x + wide + to.x) / 2} y=${(from.y + to.y + NODE.high) / 2 - 3} text-anchor="middle">${count(edge.calls)}</text>` : null; })}</svg>
    ${nodes.map((node) => {
      const look = healthLook(states.get(node.name) ?? 'unknown');
      const at = place.get(node.name);
      const [to, by] = [edges.filter((edge) => edge.parent === node.name), edges.filter((edge) => edge.child === node.name)];
      const said = [to.length ? `calls ${to.map((edge) => `${edge.child} ${plural(edge.calls, 'time')}`).join(', ')}` : '', by.length ? `called by ${by.map((edge) => `${edge.parent} ${plural(edge.calls, 'time')}`).join(', ')}` : ''].filter(Boolean).join('; ');
      return html`<a key=${node.name} class=${`graph-node ${look.tone}${over && !edges.some((edge) => near(edge) && (edge.parent === node.name || edge.child === node.name)) ? ' far' : ''}`} href=${addressOf(node.name)} title=${`${node.name}: ${look.word}; ${said}`} style=${{ left: `${at?.x}px`, top: `${at?.y}px`, width: `${wide}px`, height: `${NODE.high}px` }} onPointerEnter=${() => setOver(node.name)} onPointerLeave=${() => setOver('')} onFocus=${() => setOver(node.name)} onBlur=${() => setOver('')}><${Icon} name=${look.icon} /><span>${node.name}</span><span class="hidden-text">${look.word}; ${said}</span></a>`;
    })}</div>`;
}
