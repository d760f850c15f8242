import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionText, readOption } from '../../dashboards/web/health/form.js';
import { kindsOf, placed, share, stretch } from '../../dashboards/web/marks.js';
import { labelText, labelsOf, stepText, stepsOf } from '../../dashboards/web/alert/ways.js';

const EDGES = [0, 100, 300, 400];
const mark = (at, kind = 'deployment', end = null) => ({ at, end, kind, text: '', href: `/${kind}/${at}` });

test('a moment stands where its bucket is, however long that lasts, and nowhere outside', () => {
  for (const [at, where] of [[0, 0], [50, 1 / 6], [200, 0.5], [400, 1]]) assert.ok(Math.abs(share(EDGES, at) - where) < 1e-9, `${at}`);
  for (const at of [-1, 401]) assert.equal(share(EDGES, at), null);
  assert.equal(share([], 5), null);
});

test('marks near one another stand together, and those of another time are left out', () => {
  const groups = placed([mark(390), mark(10), mark(20), mark(900)], EDGES, 0.1);
  assert.deepEqual(groups.map((group) => group.marks.map((one) => one.at)), [[10, 20], [390]]);
});

test('an incident that began before the axis stands at its beginning, and lasts to its end', () => {
  const one = mark(-500, 'incident', 200);
  assert.equal(placed([one], EDGES, 0.1)[0].x, 0);
  assert.deepEqual(stretch(one, EDGES), [0, 0.5]);
  assert.deepEqual(stretch(mark(200, 'incident'), EDGES), [0.5, 1]);
  assert.equal(stretch(mark(200), EDGES), null);
  assert.deepEqual(placed([mark(-500, 'incident', -100)], EDGES, 0.1), []);
  assert.deepEqual(kindsOf([one, mark(1)]), ['deployment', 'incident']);
});

test('options of checks go to fields and back, and what cannot be read is sent as it was typed', () => {
  for (const [value, usual] of [[['200', '301'], ['200-299']], [{ Accept: 'text/html', Host2: 'a:b' }, {}], [14, 7], ['A', 'A'], [null, null]]) assert.deepEqual(readOption(optionText(value), usual), value);
  assert.equal(readOption('soon', 14), 'soon');
  assert.equal(readOption('no header', {}), 'no header');
  assert.equal(readOption('', 14), '');
});

test('labels and steps are read as they are written', () => {
  assert.deepEqual(labelsOf('service=chat-*, tenant=acme, service=!chat-test, odd'), { service: ['chat-*', '!chat-test'], tenant: ['acme'], odd: [] });
  assert.equal(labelText({ service: ['a', 'b'], tenant: ['c'] }), 'service=a, service=b, tenant=c');
  const steps = [{ delay_seconds: 0, channels: ['chat'] }, { delay_seconds: 600, channels: ['sms', 'phone'] }];
  assert.deepEqual(stepsOf(stepText(steps)), steps);
  assert.deepEqual(stepsOf('2 h: boss\nrubbish'), [{ delay_seconds: 7200, channels: ['boss'] }, { delay_seconds: 'rubbish', channels: [] }]);
});
