// @ts-check
/**
 * The critical path of a trace: the chain of spans that decided when it ended, and how much of each lies on it. Pure.
 *
 * It is walked backwards from the last end. At each moment one span has the say: the child that ended last before then is
 * what its parent waited for, so the path goes through it, back to its start, and on in the parent. A child that still ran
 * was not waited for. Where the last to end outlived its parents, the path goes on above it from where it started.
 *
 * Given: the nodes of layout.js. Gives: own time on the path by span, the stretches of it, and the time nobody explains.
 * Never: one moment counted twice, whatever clocks say.
 */
import { endOf, walk } from './layout.js';

/** @typedef {import('./layout.js').Node} Node */
/** @typedef {{id: string, from: number, to: number}} Stretch in ns from the trace's start */
/** @typedef {{own: Map<string, number>, stretches: Map<string, Stretch[]>, total: number, unexplained: number}} Path in ns */

/** When a span was over; one whose end never came, when the last below it was. @param {Node} node */
const over = (node) => endOf(node.span) ?? node.beneath.end;

/** @param {Node} a @param {Node} b the last to end first, of two the longer */
const lastFirst = (a, b) => over(b) - over(a) || a.span.start_offset_ns - b.span.start_offset_ns || (a.span.span_id < b.span.span_id ? -1 : 1);

/** @param {Node[]} roots @returns {Path} */
export function criticalPath(roots) {
  const path = { own: new Map(), stretches: new Map(), total: 0, unexplained: 0 };
  const adopted = families(roots);
  let last = roots[0];
  walk(roots, (node) => { if (over(node) > over(last)) last = node; });
  if (!last) return path;
  let at = over(last);
  const end = at;
  for (let node = /** @type {Node | null} */ (last); node; node = adopted.above(node)) at = descend(node, at, adopted.below, path);
  path.total = end - at;
  return path;
}

/**
 * Who stands below and above whom. A span whose parent was not received hangs below the one true root, which lasted around it.
 * @param {Node[]} roots
 */
function families(roots) {
  const whole = roots.filter((node) => !node.span.parent_missing);
  const root = whole.length === 1 ? whole[0] : null;
  const strays = root ? roots.filter((node) => node !== root) : [];
  return {
    above: (/** @type {Node} */ node) => node.parent ?? (root && node !== root ? root : null),
    below: (/** @type {Node} */ node) => (node === root && strays.length ? [...node.children, ...strays] : node.children),
  };
}

/**
 * Everything on the path from `until` back to the start of `top`; where it came to.
 * @param {Node} top @param {number} until @param {(node: Node) => Node[]} below @param {Path} path
 */
function descend(top, until, below, path) {
  const open = (/** @type {Node} */ node, /** @type {number} */ floor) => ({ node, floor: Math.max(floor, node.span.start_offset_ns), waiting: below(node).filter((child) => over(child) > child.span.start_offset_ns).sort(lastFirst), next: 0 });
  const stack = [open(top, -Infinity)];
  let at = until;
  while (stack.length) {
    const here = stack[stack.length - 1];
    while (here.next < here.waiting.length && over(here.waiting[here.next]) > at) here.next += 1;
    const child = here.waiting[here.next];
    const to = child && over(child) > here.floor ? over(child) : Math.min(at, here.floor);
    note(path, here.node, to, at);
    at = to;
    here.next += 1;
    if (child && to > here.floor) stack.push(open(child, here.floor));
    else stack.pop();
  }
  return at;
}

/** What lies behind a span's own end is nobody's. @param {Path} path @param {Node} node @param {number} from @param {number} to */
function note(path, node, from, to) {
  const id = node.span.span_id;
  const until = Math.max(from, Math.min(to, over(node)));
  path.unexplained += to - until;
  path.own.set(id, (path.own.get(id) ?? 0) + until - from);
  if (!path.stretches.has(id)) path.stretches.set(id, []);
  if (until > from) path.stretches.get(id)?.push({ id, from, to: until });
}
