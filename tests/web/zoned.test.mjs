/** Wall clocks of zones, and the ranges that people type by them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolve } from '../../dashboards/web/time.js';
import { atWall, months, typedRange, wallTime } from '../../dashboards/web/zoned.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const utc = (text) => Date.parse(`${text}Z`);

test('a wall clock and the moment at which it shows something are each other\'s way back', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati']) {
    for (const text of ['2026-11-21T09:30', '2026-07-01T00:00', '2026-03-29T12:00', '2026-10-25T12:00']) assert.equal(wallTime(atWall(text, zone), zone), text, `${zone} ${text}`);
  }
  assert.equal(atWall('2026-07-01', 'Europe/Berlin'), utc('2026-06-30T22:00'));
});

test('an hour that comes twice is the first of both, one that is left out begins when the clock jumps', () => {
  assert.equal(atWall('2026-10-25T02:30', 'Europe/Berlin'), utc('2026-10-25T00:30'));
  assert.equal(atWall('2026-03-29T02:30', 'Europe/Berlin'), utc('2026-03-29T01:30'));
  assert.equal(wallTime(atWall('2026-09-06', 'America/Santiago'), 'America/Santiago'), '2026-09-06T01:00');
});

test('what is no moment is none', () => {
  for (const text of ['', 'soon', '2026-13-01T00:00']) assert.ok(Number.isNaN(atWall(text, 'UTC')), text);
});

test('typed ranges are of the zone that is shown, whatever the browser\'s', () => {
  assert.deepEqual(typedRange('last 2 h', NOW, 'UTC'), { from: 'now-2h', to: 'now' });
  assert.deepEqual(typedRange('yesterday 9-17', NOW, 'Asia/Kathmandu'), { from: '2026-11-20T03:15:00.000Z', to: '2026-11-20T11:15:00.000Z' });
  assert.deepEqual(typedRange('today', NOW, 'America/New_York'), { from: '2026-11-21T05:00:00.000Z', to: '2026-11-21T12:00:00.000Z' });
  assert.deepEqual(resolve(typedRange('2026-11-20 09:00 to 2026-11-20 17:30', NOW, 'Europe/Berlin'), NOW), { start: utc('2026-11-20T08:00'), end: utc('2026-11-20T16:30') });
  for (const wrong of ['', 'soon', 'yesterday 17-9', 'a to b']) assert.equal(typedRange(wrong, NOW, 'UTC'), null, wrong);
});

test('months begin at midnight of the zone', () => {
  const [current, last] = months(utc('2026-11-01T02:00'), 'America/New_York');
  assert.deepEqual(current.range, { from: '2026-10-01T04:00:00.000Z', to: 'now' });
  assert.deepEqual(last.range, { from: '2026-09-01T04:00:00.000Z', to: '2026-10-01T04:00:00.000Z' });
});
