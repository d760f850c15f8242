/** Measures of audio in words: units, unknown values, coverage, changes that are good or bad, ticks around zero. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS, changeOf, measuredOf, nameOf, onAxis, say, stretch } from '../../dashboards/web/audio/words.js';
import { ticksAround } from '../../dashboards/web/points.js';

const plain = (text) => text.replace(/\u202f/g, ' ');

test('what is not known is a dash for every measure, and zero is not', () => {
  for (const metric of METRICS) {
    for (const value of [null, undefined, NaN, Infinity]) assert.equal(say(metric, value), '—', metric);
    assert.notEqual(say(metric, 0), '—', metric);
    assert.notEqual(nameOf(metric), '');
  }
});

test('values have their units', () => {
  const said = [['pesq', 3.8234], ['stoi', 0.0123], ['snr_db', -4.5], ['loudness_lufs', -38], ['speed_factor', 11.42], ['clipped_ratio', 0.004], ['bandwidth_hz', 7600], ['sample_rate_hz', 800], ['duration_s', 62.5], ['real_time_factor', 0.00525], ['real_time_factor', 1e-9], ['speed_factor', 123456]];
  assert.deepEqual(said.map(([metric, value]) => plain(say(metric, value))), ['3.82', '0.0123', '−4.50 dB', '−38.0 LUFS', '11.4×', '0.40 %', '7.60 kHz', '800 Hz', '1 min 3 s', '0.00525', 'under 0.000001', '123k×']);
});

test('bars say from where to where, and axes are short', () => {
  assert.equal(stretch('pesq', { at_least: null, below: 1.25 }), 'under 1.25');
  assert.equal(stretch('pesq', { at_least: 1.25, below: null }), '1.25 and more');
  assert.equal(plain(stretch('snr_db', { at_least: -3, below: 0 })), '−3.00 dB to 0.00 dB');
  assert.deepEqual([onAxis('pesq', 2), onAxis('loudness_lufs', -36), onAxis('speed_factor', 8), onAxis('bandwidth_hz', 16000)], ['2', '−36', '8×', '16k']);
});

test('coverage says of how many', () => {
  assert.equal(measuredOf({ measured: 0, of: 0, coverage: null }), 'nothing to measure');
  assert.equal(measuredOf({ measured: 0, of: 1204, coverage: 0 }), 'not measured (0 of 1,204)');
  assert.equal(measuredOf({ measured: 5, of: 5, coverage: 1 }), 'all 5');
  assert.equal(plain(measuredOf({ measured: 62, of: 100, coverage: 0.62 })), 'on 62.0 % of 100');
});

test('a change is better or worse only where it is worth telling and one side is better', () => {
  assert.equal(changeOf('more', null, 3), null);
  assert.equal(changeOf('more', 3, null), null);
  assert.equal(changeOf('more', 3, 0), null);
  assert.deepEqual(['more', 'less', null].map((better) => changeOf(better, 4, 3)?.word), ['better', 'worse', '']);
  assert.equal(changeOf('more', 3.001, 3)?.text, 'as before');
  assert.equal(changeOf('less', 2.9, 3)?.word, '');
  assert.equal(changeOf('more', -20, -10)?.word, 'worse');
});

test('ticks go around zero as far as there are values', () => {
  assert.deepEqual(ticksAround(0, 4), [0, 1, 2, 3, 4]);
  assert.deepEqual(ticksAround(-40, -10), [-40, -30, -20, -10, 0]);
  assert.equal(ticksAround(-3, 30)[0] < -2.9 && ticksAround(-3, 30).at(-1) >= 30, true);
});
