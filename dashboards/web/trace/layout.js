// @ts-check
/**
 * Where each span of a trace stands: tree, rows, sums beneath, ticks. Pure.
 *
 * Given: the spans of an answer. Gives: nodes in order of start, rows in view, geometry as shares of the window.
 * Never: a span lost because its parent is missing or points back at itself.
 */
import { addMoney, isUnknown } from '../format.js';

/**
 * @typedef {{span: any, depth: number, children: Node[], parent: Node | null, index: number, position: number, siblings: number,
 *   beneath: {spans: number, errors: number, cost: string | null, unpriced: number, start: number, end: number}}} Node
 */

const SLOTS = /** @type {Record<string, number>} */ ({ model: 1, tool: 2, database: 3, http: 4, audio: 5, gpu: 6, cache: 10, server: 8, internal: 8 });

/** @param {any} span */
export const slotOf = (span) => SLOTS[span.category] ?? 8;
/** Structure rather than work: drawn lighter so that the rest stands out. @param {any} span */
export const isStructural = (span) => slotOf(span) === 8;
/** The end of a span; null when it never came. @param {any} span */
export const endOf = (span) => (isUnknown(span.duration_ns) ? null : span.start_offset_ns + span.duration_ns);

/** @param {any[]} spans @returns {Node[]} roots, each with its children, in order of start */
export function buildTree(spans) {
  const nodes = spans.map((span) => /** @type {Node} */ ({ span, depth: 0, children: [], parent: null, index: 0, position: 1, siblings: 1, beneath: { spans: 0, errors: 0, cost: null, unpriced: 0, start: 0, end: 0 } }));
  const byId = new Map(nodes.map((node) => [node.span.span_id, node]));
  for (const node of nodes) {
    const parent = byId.get(node.span.parent_span_id);
    if (parent && !isAbove(node, parent)) { node.parent = parent; parent.children.push(node); }
  }
  const roots = nodes.filter((node) => !node.parent);
  order(roots);
  let index = 0;
  walk(roots, (node) => { node.depth = node.parent ? node.parent.depth + 1 : 0; node.index = index++; });
  for (const node of inReverse(roots)) sum(node);
  return roots;
}

/** @param {Node} node @param {Node} start whether `node` is `start` or stands above it */
function isAbove(node, start) {
  for (let at = /** @type {Node | null} */ (start); at; at = at.parent) if (at === node) return true;
  return false;
}

/** @param {Node[]} level */
function order(level) {
  const pending = [level];
  while (pending.length) {
    const siblings = /** @type {Node[]} */ (pending.pop());
    siblings.sort((a, b) => a.span.start_offset_ns - b.span.start_offset_ns || (endOf(b.span) ?? Infinity) - (endOf(a.span) ?? Infinity) || (a.span.span_id < b.span.span_id ? -1 : 1));
    siblings.forEach((node, position) => {
      node.position = position + 1;
      node.siblings = siblings.length;
      if (node.children.length) pending.push(node.children);
    });
  }
}

/** Depth first, parents before children. @param {Node[]} roots @param {(node: Node) => void | boolean} visit false: do not go below */
export function walk(roots, visit) {
  const stack = roots.toReversed();
  while (stack.length) {
    const node = /** @type {Node} */ (stack.pop());
    if (visit(node) === false) continue;
    for (let at = node.children.length - 1; at >= 0; at -= 1) stack.push(node.children[at]);
  }
}

/** @param {Node[]} roots @returns {Node[]} */
function inReverse(roots) {
  /** @type {Node[]} */
  const all = [];
  walk(roots, (node) => { all.push(node); });
  return all.reverse();
}

/** @param {Node} node whose children are summed already */
function sum(node) {
  const own = node.span.ledger;
  const below = node.beneath;
  below.spans = node.children.reduce((total, child) => total + 1 + child.beneath.spans, 0);
  below.errors = node.children.reduce((total, child) => total + child.beneath.errors, node.span.status === 'error' ? 1 : 0);
  below.unpriced = node.children.reduce((total, child) => total + child.beneath.unpriced, own && isUnknown(own.cost_usd) ? 1 : 0);
  const costs = node.children.map((child) => child.beneath.cost).filter((cost) => cost !== null);
  if (own && !isUnknown(own.cost_usd)) costs.push(own.cost_usd);
  below.cost = costs.length ? addMoney(costs) : null;
  below.start = node.children.reduce((first, child) => Math.min(first, child.beneath.start), node.span.start_offset_ns);
  below.end = node.children.reduce((last, child) => Math.max(last, child.beneath.end), endOf(node.span) ?? node.span.start_offset_ns);
}

/** The rows in view: everything that is not below a folded span. @param {Node[]} roots @param {Set<string>} folded @returns {Node[]} */
export function visibleRows(roots, folded) {
  /** @type {Node[]} */
  const rows = [];
  walk(roots, (node) => { rows.push(node); return !folded.has(node.span.span_id); });
  return rows;
}

/** Start and end of the whole, in ns from the trace's start. @param {Node[]} roots @param {number | null} durationMs */
export function extent(roots, durationMs) {
  const start = roots.reduce((first, node) => Math.min(first, node.beneath.start), Infinity);
  const end = roots.reduce((last, node) => Math.max(last, node.beneath.end), start + 1);
  return { start, end: isUnknown(durationMs) ? end : Math.max(end, Number(durationMs) * 1e6) };
}

/**
 * A bar as shares of the window, cut at its edges; null when outside.
 * @param {number} from @param {number | null} to null: the end never came @param {{start: number, end: number}} window
 */
export function place(from, to, window) {
  const size = window.end - window.start;
  const left = (from - window.start) / size;
  const right = to === null ? 1 : (to - window.start) / size;
  if (right < 0 || left > 1) return null;
  const cut = Math.max(0, left);
  return { left: cut, width: Math.max(0, Math.min(1, right) - cut), open: to === null };
}

/** Three to six round marks in a window, in ns. @param {{start: number, end: number}} window @param {number} wanted */
export function marks(window, wanted) {
  const size = window.end - window.start;
  const rough = size / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? power * 10;
  const result = [];
  for (let at = Math.ceil(window.start / step) * step; at < window.end; at += step) result.push(at);
  return result;
}


/** When the first token of the whole trace came, in ns from its start; null when none was streamed. @param {any[]} spans */
export function firstToken(spans) {
  const moments = spans.filter((span) => span.ledger && !isUnknown(span.ledger.time_to_first_chunk_ms)).map((span) => span.start_offset_ns + span.ledger.time_to_first_chunk_ms * 1e6);
  return moments.length ? Math.min(...moments) : null;
}

/** Time in which at least one child ran. @param {Node} node */
export function childrenTime(node) {
  let busy = 0;
  let reached = -Infinity;
  for (const { span } of node.children) {
    const end = span.start_offset_ns + (span.duration_ns ?? 0);
    busy += Math.max(0, end - Math.max(span.start_offset_ns, reached));
    reached = Math.max(reached, end);
  }
  return busy;
}
