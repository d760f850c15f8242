/** The waterfall's tree and geometry, and the words for prices. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTree, extent, firstToken, marks, place, visibleRows } from '../../dashboards/web/trace/layout.js';
import { bookOf, counted, rateOf, reasonOf } from '../../dashboards/web/trace/price-words.js';

const span = (id, parent, start, length, more = {}) => ({ span_id: id, parent_span_id: parent, start_offset_ns: start, duration_ns: length, status: 'ok', category: 'internal', ledger: null, events: [], ...more });
const names = (rows) => rows.map((row) => row.span.span_id).join(' ');

test('children stand under their parent in order of start', () => {
  const roots = buildTree([span('c', 'a', 50, 10), span('a', null, 0, 100), span('b', 'a', 10, 10), span('d', 'b', 12, 1)]);
  assert.equal(names(visibleRows(roots, new Set())), 'a b d c');
  assert.deepEqual(visibleRows(roots, new Set()).map((row) => row.depth), [0, 1, 2, 1]);
  assert.deepEqual(visibleRows(roots, new Set()).map((row) => `${row.position}/${row.siblings}`), ['1/1', '1/2', '1/1', '2/2']);
});

test('a span without its parent is a root; spans in a ring are all kept', () => {
  assert.equal(buildTree([span('x', 'gone', 5, 1), span('a', null, 0, 9)]).length, 2);
  const ring = buildTree([span('a', 'b', 0, 1), span('b', 'a', 0, 1), span('s', 's', 0, 1)]);
  assert.equal(visibleRows(ring, new Set()).length, 3);
});

test('folding hides what is beneath and sums it exactly', () => {
  const roots = buildTree([
    span('a', null, 0, 100), span('b', 'a', 1, 5, { status: 'error', ledger: { cost_usd: '0.1' } }), span('c', 'b', 2, 1, { ledger: { cost_usd: '0.2' } }), span('d', 'a', 9, 1, { ledger: { cost_usd: null } }),
  ]);
  assert.equal(names(visibleRows(roots, new Set(['a']))), 'a');
  assert.deepEqual(roots[0].beneath, { spans: 3, errors: 1, cost: '0.3', unpriced: 1, start: 0, end: 100 });
});

test('ten thousand nested spans need no stack', () => {
  const spans = Array.from({ length: 10_000 }, (_, at) => span(String(at), at ? String(at - 1) : null, at, 20_000 - at));
  assert.equal(visibleRows(buildTree(spans), new Set()).length, 10_000);
});

test('bars are cut at the window; one without an end stays open', () => {
  assert.deepEqual(place(25, 75, { start: 0, end: 100 }), { left: 0.25, width: 0.5, open: false });
  assert.deepEqual(place(-50, 50, { start: 0, end: 100 }), { left: 0, width: 0.5, open: false });
  assert.deepEqual(place(40, null, { start: 0, end: 100 }), { left: 0.4, width: 0.6, open: true });
  assert.equal(place(200, 300, { start: 0, end: 100 }), null);
});

test('the extent reaches from the first start to the last end, even where clocks disagree', () => {
  assert.deepEqual(extent(buildTree([span('a', null, 0, 10), span('b', 'a', -5, 40)]), 0.00001), { start: -5, end: 35 });
  assert.deepEqual(extent(buildTree([span('b', null, -5, 3)]), null), { start: -5, end: -2 });
});

test('marks are round', () => assert.deepEqual(marks({ start: 0, end: 4.82e9 }, 3), [0, 2e9, 4e9]));

test('the first token counts from the start of the trace', () => {
  assert.equal(firstToken([span('a', null, 1e9, 5, { ledger: { time_to_first_chunk_ms: 500 } }), span('b', null, 0, 5)]), 1.5e9);
  assert.equal(firstToken([span('b', null, 0, 5)]), null);
});

test('parts of a price in words', () => {
  assert.deepEqual(counted({ counted: 'input_tokens', amount: 9920 }), ['Input', '9,920 tokens']);
  assert.deepEqual(counted({ counted: 'audio_seconds', amount: 3.1 }), ['Audio', '3.1 s']);
  assert.deepEqual(counted({ counted: 'moon_phases', amount: 2 }), ['moon_phases', '2']);
  assert.equal(rateOf({ unit: 'input_mtok', rate: '2.5' }), '$2.50 / M');
  assert.equal(rateOf({ unit: 'requests', rate: '0.01' }), '$0.01000');
  assert.equal(reasonOf('model_unknown'), 'The price book does not know this model.');
  assert.equal(reasonOf('usage_malformed: output_tokens'), 'The usage could not be read (output_tokens).');
  assert.equal(reasonOf('something else entirely'), 'something else entirely');
  assert.equal(bookOf({ price_source: 'genai-prices', price_version: 'genai-prices 0.2.3' }), 'genai-prices 0.2.3');
});
