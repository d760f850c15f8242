/** The form of an objective: a target keeps its digits, a definition comes back as it was, and what is no JSON is said where it stands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PRESETS, bodyOf, fieldsOf, placeOf, shifted } from '../../dashboards/web/slo/form.js';
import { asKind, inWords, indicatorOf, modelOf } from '../../dashboards/web/slo/indicator.js';
import { lowest, runs } from '../../dashboards/web/slo/drawn.js';

const form = (fields) => ({ get: (key) => fields[key] ?? null });

test('a share and a percentage are the same digits', () => {
  for (const [share, percent] of [['0.999', '99.9'], ['0.99999', '99.999'], ['0.5', '50'], ['0.07', '7'], ['0.001', '0.1']]) {
    assert.equal(shifted(share, 2), percent);
    assert.equal(shifted(percent, -2), share);
  }
  assert.equal(shifted('99,9', -2), '99,9');
  assert.equal(shifted(0.95, 2), '95');
});

test('a definition comes back from the form as it was, with what the form does not show', () => {
  const given = { name: 'a', display_name: 'A', service: 's', indicator: { kind: 'span', below: { value: 5 } }, target: '0.999', window: { duration: '1M', calendar: true, timezone: 'Europe/Berlin' }, method: 'timeslices', slice: { window: '5m', target: 0.9 }, labels: { team: 'x' } };
  assert.deepEqual(bodyOf(form(fieldsOf(given)), given), { body: given, wrong: {} });
  const rolling = { ...given, window: '7d', method: 'occurrences', slice: undefined };
  assert.equal(bodyOf(form(fieldsOf(rolling)), rolling).body.window, '7d');
});

test('what is no JSON is said where it stands', () => {
  const { wrong } = bodyOf(form({ ...fieldsOf(null), groups: '{by: tenant}' }), {});
  assert.match(wrong.groups, /^This is not JSON/);
  assert.deepEqual(['indicator.good.status', 'alerting[0].long', 'window.timezone', 'window.duration'].map(placeOf), ['indicator', 'alerting', 'timezone', 'window']);
});

const part = (at, left) => ({ at, end: at + 1, left, burn: null, bad: 0, total: 0, known: left !== null, excluded: false });

test('a line is not drawn through a gap, and goes below zero as far as two budgets', () => {
  const parts = [part(0, 1), part(1, 0.5), part(2, null), part(3, 0.25)];
  assert.deepEqual(runs(parts, (x) => x, (y) => y), ['M0 1L1 1L2 0.5', 'M3 0.25L4 0.25']);
  assert.deepEqual(runs([], (x) => x, (y) => y), []);
  assert.equal(lowest(parts), 0);
  assert.equal(lowest([part(0, -0.3)]), -0.5);
  assert.equal(lowest([part(0, -39)]), -2);
});

test('an indicator is told in rows and words only where they give it back as it was', () => {
  const plain = { kind: 'ledger', filter: { model: ['gpt-5', 'gpt-5-mini'], tenant: '!test', state: null }, good: { status: 'ok' }, below: { field: 'duration_ms', value: 500 } };
  const model = modelOf(plain);
  assert.deepEqual(indicatorOf(model), plain);
  assert.equal(inWords(model), 'Counted: model calls whose model is gpt-5 or gpt-5-mini and tenant is not test and state is nothing. Good: those whose status is ok and duration, ms is at most 500.');
  for (const { indicator } of Object.values(PRESETS)) assert.deepEqual(indicator.kind === 'composite' ? modelOf(indicator) : indicatorOf(modelOf(indicator)), indicator.kind === 'composite' ? null : indicator);
  assert.deepEqual(indicatorOf(modelOf({ kind: 'span', below: { value: 5 } })), { kind: 'span', below: { field: 'duration_ms', value: 5 } });
  for (const strange of [null, 7, { kind: 'span', good: { a: { lt: 1, gt: 0 } } }, { kind: 'span', good: { a: '7' } }, { kind: 'span', good: { a: ['x,y'] } }, { kind: 'span', good: { a: [1, 2] } }, { kind: 'span', other: 1 }, { kind: 'span', good: { a: 'nothing' } }]) assert.equal(modelOf(strange), null);
  const metric = asKind(model, 'metric');
  assert.equal(metric.field, 'value');
  assert.deepEqual(indicatorOf({ ...metric, metric: 'pings', filter: [], value: '3' }), { kind: 'metric', metric: 'pings', below: { field: 'value', value: 3 } });
});
