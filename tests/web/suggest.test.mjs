/** Suggested rules: what is tried, what is offered, and what is only counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calmer, candidates, furtherLimits, leftOut, rank } from '../../dashboards/web/alert/suggest.js';

const RULES = [
  { id: '1', name: 'off', kind: 'threshold', enabled: false, metric: 'a', operator: '>', threshold: 1 },
  { id: '2', name: 'noisy', kind: 'threshold', enabled: true, metric: 'b', operator: '>', threshold: 200, unit: 'ms' },
  { id: '3', name: 'trusted', kind: 'threshold', enabled: true, metric: 'c', operator: '>', threshold: 3 },
  { id: '4', name: 'slow to replay', kind: 'forecast', enabled: false },
];
const PRECISION = [{ rule_id: '2', fired: 9, judged: 4, useful: 1, precision: 0.25 }, { rule_id: '3', fired: 9, judged: 4, useful: 4, precision: 1 }];
const METRICS = [{ name: 'b', meaning: 'a metric that was sent' }, { name: 'own', unit: 'By', meaning: 'a metric that was sent' }, { name: 'error_rate', meaning: 'share of calls' }];
const replay = (fired, unknown, compared = []) => ({ fired, unknown_share: unknown, compared, from: '2026-11-15T00:00:00Z', to: '2026-11-22T00:00:00Z' });

test('what is off, tells too often, or is watched by nobody is tried', () => {
  const found = candidates(RULES, PRECISION, METRICS);
  assert.deepEqual(found.map((one) => [one.kind, one.title]), [['limit', 'noisy'], ['on', 'off'], ['new', 'Unusual own']]);
  assert.match(found[0].why, /fired 9 times in 30 days; 1 of 4 alerts/);
  assert.equal(found[2].body.kind, 'anomaly');
  assert.deepEqual(candidates([], [], []), []);
});

test('further limits go away from the usual, and a share stays below one', () => {
  assert.deepEqual(furtherLimits({ kind: 'threshold', operator: '>', threshold: 200 }), [250, 300, 400, 600, 1000]);
  assert.deepEqual(furtherLimits({ kind: 'threshold', operator: '<', threshold: 0.4, unit: '1' }), [0.32, 0.27, 0.2, 0.13, 0.08]);
  assert.deepEqual(furtherLimits({ kind: 'threshold', operator: '>', threshold: 0.5, unit: '1' }), [0.63, 0.75]);
  for (const none of [{ kind: 'ratio', operator: '>', threshold: 2 }, { kind: 'threshold', operator: '==', threshold: 2 }, { kind: 'threshold', operator: '>', threshold: 0 }]) assert.deepEqual(furtherLimits(none), []);
});

test('what would have fired daily, or could hardly be judged, is not offered', () => {
  const on = { kind: 'on' };
  assert.equal(rank(on, replay(2, 0.9)), 1);
  assert.equal(rank(on, replay(0, 0)), 2);
  assert.equal(rank(on, replay(8, 0)), null);
  assert.equal(rank(on, { ...replay(1, 0), firing_minutes: 1440 }), null);
  assert.equal(rank(on, replay(0, 0.999)), null);
  assert.equal(rank(on, replay(0, null)), null);
  const limit = { kind: 'limit' };
  assert.equal(rank(limit, replay(9, 0, [{ threshold: 1.25, fired: 4 }, { threshold: 1.5, fired: 1 }])), 0);
  assert.equal(calmer(replay(9, 0, [{ threshold: 1.25, fired: 4 }, { threshold: 1.5, fired: 1 }])).threshold, 1.5);
  assert.equal(rank(limit, replay(1, 0, [{ threshold: 2, fired: 1 }])), null);
  assert.equal(leftOut({ noisy: 1, unknown: 2 }), '1 other would have fired more than daily, or for hours; of 2 others too little is known.');
  assert.equal(leftOut({ noisy: 0, unknown: 0 }), '');
});
