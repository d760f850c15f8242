/** Two traces laid over one another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTree } from '../../dashboards/web/trace/layout.js';
import { compare, largest, lessMoney } from '../../dashboards/web/trace/compare.js';

const span = (id, parent, name, start, length, more = {}) => ({ span_id: id, parent_span_id: parent, name, service: 's', start_offset_ns: start, duration_ns: length, status: 'ok', ledger: null, events: [], ...more });
const laid = (first, second) => compare(buildTree(first), buildTree(second));
const cost = (cost_usd) => ({ ledger: { cost_usd } });

test('the same operations below the same operations are one row, wherever they stand', () => {
  const rows = laid(
    [span('1', null, 'ask', 0, 100), span('2', '1', 'chat', 10, 60, cost('0.3')), span('3', '1', 'store', 80, 5)],
    [span('9', null, 'ask', 0, 50), span('8', '9', 'store', 5, 5), span('7', '9', 'chat', 20, 20, cost('0.1'))],
  );
  assert.deepEqual(rows.map((row) => [row.name, row.depth, row.apart, row.ownApart, row.costApart]), [['ask', 0, 50, 10, null], ['chat', 1, 40, 40, '0.2'], ['store', 1, 0, 0, null]]);
});

test('repeated operations are counted and summed; those of one side alone have no other', () => {
  const rows = laid([span('1', null, 'ask', 0, 100), span('2', '1', 'chat', 0, 10), span('3', '1', 'chat', 20, 10, { status: 'error' })], [span('9', null, 'ask', 0, 100), span('8', '9', 'retry', 0, 10)]);
  assert.deepEqual(rows.map((row) => row.sides.map((side) => side && [side.count, side.duration, side.errors])), [[[1, 100, 0], [1, 100, 0]], [[2, 20, 1], null], [null, [1, 10, 0]]]);
});

test('the same name elsewhere, or in another service, is another row', () => {
  const rows = laid([span('1', null, 'a', 0, 9), span('2', '1', 'x', 0, 1), span('3', '2', 'x', 0, 1)], [span('1', null, 'a', 0, 9), span('2', '1', 'x', 0, 1, { service: 't' })]);
  assert.deepEqual(rows.map((row) => [row.name, row.service, row.depth]), [['a', 's', 0], ['x', 's', 1], ['x', 's', 2], ['x', 't', 1]]);
});

test('money is taken apart exactly; unknown is no zero', () => {
  assert.equal(lessMoney('0.3', '0.1'), '0.2');
  assert.equal(lessMoney('0.1', '0.30'), '-0.20');
  assert.equal(lessMoney(null, '0.1'), '-0.1');
  assert.equal(lessMoney(null, null), null);
});

test('no span is lost, and ten thousand nested ones need no stack', () => {
  const spans = Array.from({ length: 10_000 }, (_, at) => span(String(at), at ? String(at - 1) : null, `n${at % 7}`, at, 20_000 - at));
  const rows = laid(spans, [span('x', null, 'n0', 0, 5)]);
  assert.equal(rows.reduce((sum, row) => sum + (row.sides[0]?.count ?? 0), 0), 10_000);
  assert.equal(largest(rows, 3).length, 3);
});

test('of many rows the largest differences are kept, in the order of the tree', () => {
  const first = [span('1', null, 'a', 0, 10), span('2', '1', 'b', 0, 40), span('3', '2', 'deep', 0, 900), span('4', '1', 'c', 0, 20)];
  const rows = laid(first, [span('1', null, 'a', 0, 10), span('2', '1', 'b', 0, 10)]);
  assert.deepEqual(largest(rows, 2).map((row) => row.name), ['b', 'deep']);
  assert.equal(largest(rows, 9), rows);
});
