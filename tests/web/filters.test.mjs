/** Filters of the URL and of the search line, and time ranges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFilter, formatFilter, parseFilter, parseLine } from '../../dashboards/web/filters.js';
import { absoluteRange, isRelative, label, momentOf, resolve, shift, zoomOut } from '../../dashboards/web/time.js';

const NOW = Date.UTC(2026, 10, 21, 12);

test('filters survive a round trip', () => {
  for (const text of ['service:chat-api', '!status:ok', 'duration>500ms', 'cost<=0.01', 'model:', 'name:GET /a:b']) assert.equal(formatFilter(parseFilter(text)), text);
});

test('a mark before the value negates too', () => assert.deepEqual(parseFilter('service:!chat-api'), { key: 'service', op: ':', value: 'chat-api', negated: true }));

test('what is no filter is none', () => {
  for (const text of ['', 'chat', 'nonsense:1', 'service>1', 'duration:1', 'duration>', 'constructor:1']) assert.equal(parseFilter(text), null, text);
});

test('a search line is split into filters, text, and what looks wrong', () => {
  const line = parseLine('service:chat-api duration>2s name:"GET /v1 x" time out colour:red');
  assert.deepEqual(line.filters.map(formatFilter), ['service:chat-api', 'duration>2s', 'name:GET /v1 x']);
  assert.equal(line.text, 'time out');
  assert.deepEqual(line.wrong, ['colour:red']);
});

test('filters read as sentences', () => {
  assert.equal(describeFilter(parseFilter('!status:ok')), 'Status is not ok');
  assert.equal(describeFilter(parseFilter('duration>500ms')), 'Duration over 500ms');
  assert.equal(describeFilter(parseFilter('feature:')), 'Feature is set to nothing');
});

test('moments are relative or absolute', () => {
  assert.equal(momentOf('now-15m', NOW), NOW - 9e5);
  assert.equal(momentOf('2026-11-21T09:00:00.123456789Z', NOW), Date.UTC(2026, 10, 21, 9, 0, 0, 123));
  for (const wrong of ['', 'later', 'now+1h', '15m', '2026']) assert.equal(momentOf(wrong, NOW), null, wrong);
});

test('a range that ends before it begins is none', () => {
  assert.equal(resolve({ from: 'now', to: 'now-1h' }, NOW), null);
  assert.deepEqual(resolve({ from: 'now-1h', to: 'now' }, NOW), { start: NOW - 36e5, end: NOW });
});

test('shifting goes one window, never past the present', () => {
  assert.deepEqual(shift({ from: 'now-1h', to: 'now' }, -1, NOW), absoluteRange(NOW - 72e5, NOW - 36e5));
  assert.deepEqual(shift({ from: 'now-1h', to: 'now' }, 1, NOW), { from: 'now-1h', to: 'now' });
});

test('zooming out doubles, never past the present', () => {
  assert.deepEqual(zoomOut({ from: 'now-1h', to: 'now' }, NOW), absoluteRange(NOW - 72e5, NOW));
});

test('labels', () => {
  assert.equal(label({ from: 'now-15m', to: 'now' }, NOW, 'UTC'), 'Last 15 min');
  assert.equal(label({ from: 'now-3h', to: 'now' }, NOW, 'UTC'), 'Last 3 h');
  assert.equal(label(absoluteRange(NOW - 36e5, NOW), NOW, 'UTC'), '21 Nov, 11:00 – 21 Nov, 12:00');
  assert.ok(isRelative({ from: 'now-1h', to: 'now' }));
});
