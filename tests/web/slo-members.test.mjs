/** Slices, groups, pairs and parts of an objective as rows: they come back as they were, and what rows cannot say stays JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SLICE, WORKBOOK, groupsOf, groupsRows, inItsRow, pairsOf, pairsRows, partsOf, partsRows, partsWords, sliceOf, sliceRows } from '../../dashboards/web/slo/members.js';

test('slices come back as they were, by a share or by a number of events', () => {
  for (const given of [SLICE, { window: '5m', target: 0.999 }, { window: '1h', target: 1 }, { window: '1m', events: 100 }]) assert.deepEqual(sliceOf(sliceRows(given), 'timeslices'), given);
  assert.equal(sliceRows({ window: '1m', target: 0.07 }).value, '7');
  assert.equal(sliceRows({ window: '1m', target: '0.99999' }).value, '99.999');
  assert.deepEqual(sliceOf(sliceRows({ window: '5m', target: 0.9 }), 'ratio_timeslices'), { window: '5m' });
  assert.deepEqual(sliceOf({ window: ' 1m', by: 'target', value: 'most' }, 'timeslices'), { window: '1m', target: 'most' });
  for (const strange of [7, [], { window: 1 }, { target: 0.5, events: 3 }, { window: '1m', other: 1 }, { events: '3' }]) assert.equal(sliceRows(strange), null);
});

test('groups come back as they were, and none is none', () => {
  for (const given of [null, { by: 'tenant' }, { by: 'model', most: 20 }]) assert.deepEqual(groupsOf(groupsRows(given)), given);
  assert.deepEqual(groupsOf({ by: 'tenant', most: 'many' }), { by: 'tenant', most: 'many' });
  for (const strange of ['tenant', { by: 3 }, { by: 'tenant', most: '3' }, { by: 'tenant', more: 1 }]) assert.equal(groupsRows(strange), null);
});

test('pairs come back as they were; the usual ones, none at all, and one’s own differ', () => {
  const own = [{ severity: 'page', budget_percent: 2.5, long: '1h', short: '5m' }];
  for (const given of [null, [], own]) assert.deepEqual(pairsOf(pairsRows(given)), given);
  assert.equal(pairsOf(WORKBOOK).length, 4);
  assert.deepEqual(pairsOf([{ severity: 'page', percent: '', long: '', short: '' }]), [{ severity: 'page', budget_percent: '', long: '', short: '' }]);
  for (const strange of [{}, [{ severity: 'mail' }], [{ severity: 'page', budget_percent: '2' }], [{ severity: 'page', burn: 14 }], [null]]) assert.equal(pairsRows(strange), null);
});

test('a composite is said with the share of each part, and comes back as it was', () => {
  const given = { kind: 'composite', parts: [{ slo: 'fast', weight: 3 }, { slo: 'up' }] };
  assert.deepEqual(partsOf(partsRows(given)), given);
  assert.equal(partsWords(partsRows(given)), 'Good: 75 % of fast, 25 % of up; by weight, whatever each counts.');
  assert.match(partsWords([{ slo: '', weight: 'x' }]), /^Good: …/);
  assert.match(partsWords([]), /Add the first/);
  for (const strange of [null, { kind: 'span' }, { kind: 'composite' }, { kind: 'composite', parts: [3] }, { kind: 'composite', parts: [], filter: {} }]) assert.equal(partsRows(strange), null);
});

test('what is wrong with a row says which row', () => {
  assert.equal(inItsRow('alerting[1].long', 'a length'), 'Pair 2, long window: a length');
  assert.equal(inItsRow('alerting[0]', 'an object'), 'Pair 1: an object');
  assert.equal(inItsRow('indicator.parts[2].slo', 'a name'), 'Part 3, objective: a name');
  assert.equal(inItsRow('groups.by', 'one of'), 'one of');
});
