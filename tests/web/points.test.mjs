/** Live points, their steps, back-off, ticks, states, and the buckets of a trend. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOff, gaps, mergePoints, steps, ticks } from '../../dashboards/web/points.js';
import { coverageLook, look, outcome, priceLook } from '../../dashboards/web/status.js';
import { bucketStart, coarse, slotsOf } from '../../dashboards/web/trend.js';
import { measure } from '../../dashboards/web/units.js';

const point = (t, more = {}) => ({ t, calls: 2, errors: 0, cost: '0.5', unpriced: 0, input_tokens: 10, output_tokens: 5, p50: 100, p95: 200, p99: 300, ttfc_p95: null, spans: 4, ...more });

test('points are kept once each, newest value, in order', () => {
  const merged = mergePoints([point(1), point(3)], [point(3, { calls: 9 }), point(2)]);
  assert.deepEqual(merged.map((one) => [one.t, one.calls]), [[1, 2], [2, 2], [3, 9]]);
  assert.deepEqual(mergePoints(merged, merged), merged);
});

test('points older than twenty minutes go', () => assert.deepEqual(mergePoints([point(1)], [point(5000)]).map((one) => one.t), [5000]));

test('back-off doubles up to ten seconds, with jitter', () => {
  assert.equal(backOff(0, 0.5), 250);
  assert.equal(backOff(3, 0.5), 2000);
  assert.equal(backOff(30, 0), 5000);
  assert.equal(backOff(30, 1), 15_000);
});

test('steps lie on the wall clock; a step in which nothing came is unknown, not zero', () => {
  const found = steps([point(101), point(103, { p50: 400, calls: 6, p95: 900 }), point(111)], 114, 20, 5);
  assert.deepEqual(found.map((one) => one.t), [95, 100, 105, 110]);
  assert.deepEqual(found.map((one) => one.calls), [null, 8, null, 2]);
  assert.equal(found[1].p50, (100 * 2 + 400 * 6) / 8);
  assert.equal(found[1].p95, 900);
  assert.equal(found[1].ttfc, null);
  assert.equal(found[0].cost, null);
});

test('runs without a value', () => {
  assert.deepEqual(gaps([null, null, 1, null, 2]), [[0, 1], [3, 3]]);
  assert.deepEqual(gaps([1, 0]), []);
});

test('ticks are round, begin at 0 and reach over the highest value', () => {
  for (const most of [0.0003, 0.7, 1, 7, 39.9, 640, 2_337, 1e9]) {
    const found = ticks(most);
    assert.equal(found[0], 0);
    assert.ok(found.at(-1) >= most && found.length >= 3 && found.length <= 6, `${most}: ${found}`);
  }
  assert.deepEqual(ticks(0), [0, 1]);
});

test('only a value that is there can be good', () => {
  for (const nothing of [null, undefined, '', 'constructor', 'whatever']) assert.equal(look(nothing).tone, 'unk');
  assert.equal(coverageLook(null).word, 'No data');
  assert.equal(coverageLook(0.99).tone, 'warn');
  assert.equal(coverageLook(1), null);
  assert.equal(outcome(null).tone, 'unk');
  assert.equal(priceLook('unpriced').word, 'Not priced');
});

test('days begin at local midnight, on both sides of a change of the clock', () => {
  assert.equal(bucketStart('2026-10-25', 'Europe/Berlin'), Date.UTC(2026, 9, 24, 22));
  assert.equal(bucketStart('2026-10-26', 'Europe/Berlin'), Date.UTC(2026, 9, 25, 23));
  assert.equal(bucketStart('2026-11-21', 'UTC'), Date.UTC(2026, 10, 21));
  assert.equal(bucketStart('2026-11-21T09:00:00Z', 'Asia/Tokyo'), Date.UTC(2026, 10, 21, 9));
});

test('many days become months, summed exactly, unknown where no day is known', () => {
  const days = Array.from({ length: 90 }, (_, at) => {
    const date = new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10);
    return at < 31 ? { date, cost: null, calls: null, unpriced_calls: null, complete: true, by: {} } : { date, cost: '0.1', calls: 1, unpriced_calls: 0, complete: at < 89, by: { a: '0.1' } };
  });
  const months = coarse(days);
  assert.deepEqual(months.map((one) => [one.date, one.cost, one.calls, one.complete]), [['2026-01', null, null, true], ['2026-02', '2.8', 28, true], ['2026-03', '3.1', 31, false]]);
  assert.equal(months[1].by.a, '2.8');
  assert.equal(coarse(days.slice(0, 31)).length, 31);
});

test('those who cost most have colours of their own: the ones they were given, else ones that nobody else has', () => {
  const row = (category, slot, cost = '1', more = {}) => ({ category, slot, cost, folded: null, ...more });
  const found = slotsOf([row(null, null), row('b', 2), row('new', null), row('free', null, null), row('a', 1), row('other', null, '9', { folded: 40 })]);
  assert.deepEqual([...found], [['b', 2], ['new', 3], ['a', 1]]);
  assert.equal(slotsOf(Array.from({ length: 30 }, (_, place) => row(`user ${place}`, null))).size, 9);
});

test('a measured value has the sign of its unit, and no thousands that a percentage does not have', () => {
  assert.deepEqual([8785, 1.25, null].map(measure('%').say), ['8,785\u202f%', '1.25\u202f%', '—']);
  assert.deepEqual([40, 0.9333].map(measure('x').say), ['40×', '0.93×']);
});
