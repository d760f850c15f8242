/** What the pages say of health: looks, rates, shares, and nothing good of what nobody saw. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { beatWords, checkCount, errorShare, healthLook, notYet, perHour, perSecond, upShare } from '../../dashboards/web/health/words.js';

test('a state has a look, and one that nobody knows is unknown', () => {
  assert.deepEqual(['healthy', 'degraded', 'down'].map((state) => healthLook(state).tone), ['ok', 'warn', 'crit']);
  for (const state of ['unknown', null, undefined, 'toString', '']) assert.equal(healthLook(state).word, 'Unknown');
});

test('figures of nothing are unknown and not zero', () => {
  assert.deepEqual([perSecond(null, 900), perSecond(5, 0), errorShare({ requests: 0, errors: 0 }), errorShare({ requests: null, errors: null }), upShare(null)], ['—', '—', '—', '—', '—']);
  assert.deepEqual([perHour(null, 900), perHour('0.25', 900), perSecond(1800, 900)], [null, 1, '2.00/s']);
});

test('a share of time is never rounded up to all of it', () => {
  assert.equal(upShare(1), '100\u202f%');
  assert.equal(upShare(0.9999999), '99.99\u202f%');
  assert.equal(upShare(0.98765), '98.7\u202f%');
  assert.equal(upShare(0), '0.0\u202f%');
});

test('beats are said in words', () => {
  assert.equal(beatWords(['healthy', 'healthy', 'down', null, 'unknown']), '24 hours in half hours: 2 healthy, 1 down, 2 unknown');
  assert.equal(checkCount({ down: 0, healthy: 2 }), '2 checks');
  assert.equal(checkCount({ down: 0, healthy: 0 }), 'no checks');
});

test('a look that is not believed yet is told, and one that is, is not', () => {
  const check = { state: 'healthy', in_a_row: 2, needed: 3, latest: { state: 'down' } };
  assert.equal(notYet(check), 'down, 2 of 3 in a row');
  assert.equal(notYet({ ...check, latest: { state: 'healthy' } }), '');
  assert.equal(notYet({ ...check, latest: null }), '');
});
