/** The critical path, beside one that is walked a nanosecond at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTree } from '../../dashboards/web/trace/layout.js';
import { criticalPath } from '../../dashboards/web/trace/critical.js';

const span = (id, parent, start, end, more = {}) => ({ span_id: id, parent_span_id: parent, start_offset_ns: start, duration_ns: end === null ? null : end - start, status: 'ok', ledger: null, events: [], ...more });
const path = (...spans) => criticalPath(buildTree(spans));
const own = (found) => Object.fromEntries([...found.own].sort());

test('what a span waited for has the path while it ran', () => {
  assert.deepEqual(own(path(span('a', null, 0, 100), span('b', 'a', 10, 40), span('c', 'a', 50, 90), span('d', 'c', 60, 80))), { a: 30, b: 30, c: 20, d: 20 });
});

test('of children side by side only the last to end was waited for', () => {
  assert.deepEqual(own(path(span('a', null, 0, 100), span('b', 'a', 10, 60), span('c', 'a', 10, 90))), { a: 20, c: 80 });
  assert.deepEqual(own(path(span('a', null, 0, 100), span('b', 'a', 0, 60), span('c', 'a', 50, 100))), { a: 50, c: 50 });
});

test('a child left running is not waited for, but one that ends the trace has the path', () => {
  assert.deepEqual(own(path(span('a', null, 0, 100), span('m', 'a', 10, 20), span('f', 'm', 12, 90))), { a: 90, m: 10 });
  assert.deepEqual(own(path(span('a', null, 0, 50), span('b', 'a', 20, 120))), { a: 20, b: 100 });
  const late = path(span('a', null, 0, 50), span('b', 'a', 80, 120));
  assert.deepEqual([own(late), late.unexplained, late.total], [{ a: 50, b: 40 }, 30, 120]);
});

test('a child before its parent, by a wrong clock, is cut at the parent', () => {
  assert.deepEqual(own(path(span('a', null, 0, 100), span('b', 'a', -20, 40))), { a: 60, b: 40 });
  assert.deepEqual(own(path(span('a', null, 0, 100), span('b', 'a', -50, -10))), { a: 100 });
});

test('a span without its parent hangs below the one true root', () => {
  assert.deepEqual(own(path(span('a', null, 0, 100), span('x', 'gone', 30, 60, { parent_missing: true }))), { a: 70, x: 30 });
  assert.deepEqual(own(path(span('x', 'gone', 0, 60, { parent_missing: true }), span('y', 'gone', 10, 90, { parent_missing: true }))), { y: 80 });
});

test('a span whose end never came lasts as long as what is below it; no spans have no path', () => {
  assert.deepEqual(own(path(span('a', null, 0, null), span('b', 'a', 5, 30))), { a: 5, b: 25 });
  assert.deepEqual(own(criticalPath([])), {});
});

test('ten thousand nested and ten thousand parallel spans need neither stack nor time', () => {
  const nested = Array.from({ length: 10_000 }, (_, at) => span(String(at), at ? String(at - 1) : null, at, 20_000 - at));
  assert.equal(criticalPath(buildTree(nested)).own.size, 10_000);
  const wide = Array.from({ length: 10_000 }, (_, at) => span(String(at), at ? '0' : null, at ? at * 2 : 0, at ? at * 2 + 2 : 30_000));
  const started = performance.now();
  assert.equal(criticalPath(buildTree(wide)).own.get('0'), 10_002);
  assert.ok(performance.now() - started < 1000);
});

/** The same by definition: one nanosecond after another, backwards, asking each time who was waited for. */
function slowly(spans) {
  const roots = buildTree(spans);
  const nodes = [];
  const visit = (node) => { nodes.push(node); node.children.forEach(visit); };
  roots.forEach(visit);
  const whole = roots.filter((node) => !node.span.parent_missing);
  const parentOf = (node) => node.parent ?? (whole.length === 1 && node !== whole[0] ? whole[0] : null);
  const end = (node) => (node.span.duration_ns === null ? node.beneath.end : node.span.start_offset_ns + node.span.duration_ns);
  const found = {};
  let at = Math.max(...nodes.map(end));
  let here = nodes.find((node) => end(node) === at);
  const floors = new Map([[here, -Infinity]]);
  const done = new Set();
  while (here) {
    const floor = Math.max(floors.get(here), here.span.start_offset_ns);
    const waited = nodes.filter((node) => parentOf(node) === here && !done.has(node) && end(node) === at && at > floor && node.span.start_offset_ns < at)
      .sort((a, b) => a.span.start_offset_ns - b.span.start_offset_ns || (a.span.span_id < b.span.span_id ? -1 : 1))[0];
    if (waited) { floors.set(waited, floor); done.add(waited); here = waited; continue; }
    if (at <= floor) {
      const up = parentOf(here);
      if (up && !floors.has(up)) floors.set(up, -Infinity); // above the last to end
      here = up;
      continue;
    }
    if (at <= end(here)) found[here.span.span_id] = (found[here.span.span_id] ?? 0) + 1;
    at -= 1;
  }
  return found;
}

test('hundreds of trees with skew, strays, overlaps and open ends agree with the definition', () => {
  let seed = 11;
  const draw = (most) => { seed = (seed * 48_271) % 2_147_483_647; return seed % most; };
  for (let round = 0; round < 600; round += 1) {
    const spans = [span('s0', null, 0, 20 + draw(20))];
    for (let number = 1; number < 2 + draw(9); number += 1) {
      const start = draw(44) - 6;
      const stray = draw(9) === 0;
      spans.push(span(`s${number}`, stray ? 'gone' : `s${draw(number)}`, start, draw(14) === 0 ? null : start + draw(24), stray ? { parent_missing: true } : {}));
    }
    const found = criticalPath(buildTree(spans));
    const positive = Object.fromEntries([...found.own].filter(([, ns]) => ns > 0).sort());
    assert.deepEqual(positive, Object.fromEntries(Object.entries(slowly(spans)).sort()), JSON.stringify(spans));
    const stretches = [...found.stretches.values()].flat().sort((a, b) => a.from - b.from);
    stretches.forEach((one, index) => assert.ok(!index || one.from >= stretches[index - 1].to));
    assert.equal([...found.own.values()].reduce((sum, ns) => sum + ns, 0) + found.unexplained, found.total);
  }
});
