/** Several alerts at once: what a silence of them says, and which rows a press with Shift means; and the sentence. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { between, matcher, silencesOf } from '../../dashboards/web/alert/many.js';
import { summary } from '../../dashboards/web/alert/sentence.js';

const of = (labels) => ({ labels });

test('labels that differ become one of their values, and nothing in them is a pattern', () => {
  const found = silencesOf([of({ alertname: 'Slow', host: 'a.b' }), of({ alertname: 'Slow', host: 'c|d' })]);
  assert.deepEqual(found, [['alertname="Slow"', 'host=~"a\\\\.b|c\\\\|d"']]);
});

test('each rule has a silence of its own, so that none holds back what was not chosen', () => {
  const found = silencesOf([of({ alertname: 'Slow', host: 'a' }), of({ alertname: 'Down', host: 'b' })]);
  assert.deepEqual(found, [['alertname="Slow"', 'host="a"'], ['alertname="Down"', 'host="b"']]);
});

test('a label that some lack may be empty', () => {
  assert.deepEqual(silencesOf([of({ alertname: 'Slow', host: 'a' }), of({ alertname: 'Slow' })]), [['alertname="Slow"', 'host=~"a|"']]);
});

test('quotes, backslashes and lines are kept', () => {
  assert.equal(matcher('path', ['a"b\\c\nd']), 'path="a\\"b\\\\c\\nd"');
});

test('a stretch goes both ways, and is one row where its beginning is gone', () => {
  assert.deepEqual(between(['a', 'b', 'c', 'd'], 'c', 'a'), ['a', 'b', 'c']);
  assert.deepEqual(between(['a', 'b'], 'z', 'b'), ['b']);
  assert.deepEqual(between(['a', 'b'], null, 'a'), ['a']);
});

test('the sentence counts all alerts, also those that the list has not', () => {
  const some = [{ state: 'firing', severity: 'warning' }];
  assert.equal(summary(some, null).text, '1 alert needs somebody.');
  const told = summary(some, null, { needs: 9990, severe: 3, acknowledged: 10, held_back: 0, pending: 0 });
  assert.deepEqual([told.text, told.tone], ['9,990 alerts need somebody; 10 acknowledged.', 'crit']);
});
