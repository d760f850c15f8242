import assert from 'node:assert/strict';
import test from 'node:test';
import { estimated, standFor } from '../../dashboards/web/estimate.js';
import { count } from '../../dashboards/web/format.js';

const about = { value: 10_300, low: 9_900, high: 10_800 };

test('an estimate says how far the truth may lie, and nothing where it is certain or unknown', () => {
  assert.equal(estimated(about, count), '10.3k ± 500');
  assert.equal(estimated({ value: 7, low: 7, high: 7 }, count), '7');
  assert.equal(estimated(null, count), '—');
});

test('kept traces say what they stand for, and how many of them nobody can weigh', () => {
  assert.equal(standFor({ ...about, uncounted: 0 }, 412), 'stand for ≈ 10.3k ± 500 requests');
  assert.equal(standFor({ ...about, uncounted: 3 }, 412), 'stand for ≈ 10.3k ± 500 requests; 3 of unknown weight');
  assert.equal(standFor({ value: 0, low: 0, high: 0, uncounted: 12 }, 12), '12 of unknown weight');
  assert.equal(standFor({ value: 12, low: 12, high: 12, uncounted: 0 }, 12), '');
  assert.equal(standFor(undefined, 12), '');
});
