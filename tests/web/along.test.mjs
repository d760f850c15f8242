/** A chart by keys: where each key leads, and that a stretch stays where it was chosen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { walked } from '../../dashboards/web/along.js';

const MARKS = [10, 20, 30, 40];
const along = (keys, marks = MARKS) => keys.split(' ').reduce((place, key) => walked(place, key.replace('+', ''), key.startsWith('+'), marks), null);

test('arrows begin at the near end and stay on the chart', () => {
  assert.deepEqual(along('ArrowRight'), { at: 10, anchor: 10 });
  assert.deepEqual(along('ArrowLeft'), { at: 40, anchor: 40 });
  assert.deepEqual(along('ArrowRight ArrowLeft ArrowLeft'), { at: 10, anchor: 10 });
  assert.deepEqual(along('End ArrowRight'), { at: 40, anchor: 40 });
  assert.deepEqual(along('Home PageDown'), { at: 40, anchor: 40 });
});

test('with Shift a stretch grows to either side, and the next arrow without it lets go', () => {
  assert.deepEqual(along('Home ArrowRight +ArrowRight +ArrowRight'), { at: 40, anchor: 20 });
  assert.deepEqual(along('End +ArrowLeft +ArrowLeft'), { at: 20, anchor: 40 });
  assert.deepEqual(along('Home +ArrowRight ArrowRight'), { at: 30, anchor: 30 });
});

test('when the axis moves on, the stretch stays at its times as far as they are there', () => {
  const place = along('Home ArrowRight +ArrowRight');
  assert.deepEqual(walked(place, 'ArrowRight', true, [20, 30, 40, 50]), { at: 40, anchor: 20 });
});

test('another key leads nowhere, and nothing does on an empty chart', () => {
  assert.equal(along('j'), null);
  assert.equal(along('ArrowRight', []), null);
});
