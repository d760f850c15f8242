/** Money keeps the digits that were sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExact } from '../../dashboards/web/exact.js';
import { parseAsSent } from '../../dashboards/web/rows.js';

test('an amount keeps every digit, other numbers stay numbers', () => {
  const parsed = parseExact('{"total_cost": 12345678901234567890.123456789012, "calls": 3, "p95": 1.5, "cost":-0.000000000001,"cost_usd":null}');
  assert.deepEqual(parsed, { total_cost: '12345678901234567890.123456789012', calls: 3, p95: 1.5, cost: '-0.000000000001', cost_usd: null });
});

test('maps of amounts keep theirs, and only theirs', () => {
  assert.deepEqual(parseExact('{"by":{"gpt \\"x\\" {":0.10,"b":2e-9},"n":1,"rate":{"input_mtok":"3"},"list":[{"by":{}},{"cost":7}]}'), { by: { 'gpt "x" {': '0.10', b: '2e-9' }, n: 1, rate: { input_mtok: '3' }, list: [{ by: {} }, { cost: '7' }] });
});

test('the quantiles of a projection are amounts, others are not', () => {
  const text = '{"p50":1.5,"projection":{"estimated_total":2.10,"p10":1.000000000001,"p90":null,"probability_over_budget":0.5,"exhausted_at":{"p10":null},"days_until_limit":3},"duration_ms":{"p50":7}}';
  assert.deepEqual(parseExact(text), { p50: 1.5, projection: { estimated_total: '2.10', p10: '1.000000000001', p90: null, probability_over_budget: 0.5, exhausted_at: { p10: null }, days_until_limit: 3 }, duration_ms: { p50: 7 } });
});

test('what looks like a key inside a string is left alone', () => {
  const text = JSON.stringify({ body: '"cost":1, "by":{"x":2}', cost: null, name: 'cost', tail: '\\"cost\\":5' });
  assert.deepEqual(parseExact(text), JSON.parse(text));
});

test('a text that is no JSON raises, as JSON.parse does', () => {
  assert.throws(() => parseExact('{"cost":'), SyntaxError);
});

test('rows of a query keep each digit, and what is inside a list or an object stays what it is', () => {
  const text = '{"rows":[[24308, 0.187887200001, 12345678901234567890.12, -0, 6E-7, [1, 2.5], {"a": 1, "b": "7"}, "5 of \\"6\\", 7"]]}';
  assert.deepEqual(parseAsSent(text).rows[0], [24308, 0.187887200001, '12345678901234567890.12', '-0', '6E-7', [1, 2.5], { a: 1, b: '7' }, '5 of "6", 7']);
});
