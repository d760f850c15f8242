// @ts-check
/**
 * Two traces laid over one another: spans of the same operations, below the same operations, are one row. Pure.
 *
 * Given: the roots of both, as layout.js gives them. Gives: rows in the order of the tree with what each side spent there.
 * Never: a span of either trace left out of every row.
 */
import { addMoney, isUnknown } from '../format.js';
import { childrenTime } from './layout.js';

/** @typedef {import('./layout.js').Node} Node */
/** @typedef {{count: number, duration: number | null, own: number | null, cost: string | null, unpriced: number, errors: number, spans: string[]}} Side times in ns, null where no end came */
/** @typedef {{name: string, service: string | null, category: string, depth: number, sides: (Side | null)[], apart: number, ownApart: number, costApart: string | null}} Row apart: the first less the second, in ns */

/** @param {Node[]} nodes @returns {Side | null} */
function side(nodes) {
  if (!nodes.length) return null;
  const known = nodes.filter((node) => !isUnknown(node.span.duration_ns));
  const lines = nodes.map((node) => node.span.ledger).filter(Boolean);
  return {
    count: nodes.length,
    duration: known.length ? known.reduce((sum, node) => sum + node.span.duration_ns, 0) : null,
    own: known.length ? known.reduce((sum, node) => sum + Math.max(0, node.span.duration_ns - childrenTime(node)), 0) : null,
    cost: addMoney(lines.map((line) => line.cost_usd)),
    unpriced: lines.filter((line) => isUnknown(line.cost_usd)).length,
    errors: nodes.filter((node) => node.span.status === 'error').length,
    spans: nodes.map((node) => node.span.span_id),
  };
}

/** The first less the second, where at least one is known. @param {string | null | undefined} first @param {string | null | undefined} second */
export function lessMoney(first, second) {
  if (isUnknown(first) && isUnknown(second)) return null;
  const text = isUnknown(second) ? '0' : String(second);
  return addMoney([first ?? '0', text.startsWith('-') ? text.slice(1) : `-${text}`]);
}

/** Spans of one level by what they are: service and name. @param {Node[][]} both */
function grouped(both) {
  /** @type {Map<string, Node[][]>} */
  const groups = new Map();
  both.forEach((nodes, which) => nodes.forEach((node) => {
    const what = JSON.stringify([node.span.service, node.span.name]);
    if (!groups.has(what)) groups.set(what, [[], []]);
    groups.get(what)?.[which].push(node);
  }));
  return groups;
}

/** @param {Node[]} first @param {Node[]} second roots @returns {Row[]} */
export function compare(first, second) {
  /** @type {Row[]} */
  const rows = [];
  const pending = [{ both: [first, second], depth: 0 }];
  while (pending.length) {
    const { both, depth, row } = /** @type {any} */ (pending.pop());
    if (row) rows.push(row);
    const below = [...grouped(both)].map(([, nodes]) => ({ nodes, row: rowOf(nodes, depth) }));
    for (const one of below.reverse()) pending.push({ both: one.nodes.map((nodes) => nodes.flatMap((node) => node.children)), depth: depth + 1, row: one.row });
  }
  return rows;
}

/** @param {Node[][]} nodes @param {number} depth @returns {Row} */
function rowOf(nodes, depth) {
  const [a, b] = nodes.map(side);
  const { span } = nodes[0][0] ?? nodes[1][0];
  return {
    depth, name: span.name, service: span.service, category: span.category, sides: [a, b],
    apart: (a?.duration ?? 0) - (b?.duration ?? 0), ownApart: (a?.own ?? 0) - (b?.own ?? 0), costApart: lessMoney(a?.cost, b?.cost),
  };
}

/** The rows with the largest differences, in their order. @param {Row[]} rows @param {number} most */
export function largest(rows, most) {
  if (rows.length <= most) return rows;
  const wanted = new Set([...rows].sort((a, b) => Math.abs(b.apart) - Math.abs(a.apart)).slice(0, most));
  return rows.filter((row) => wanted.has(row));
}
