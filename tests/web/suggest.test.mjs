/** Suggested rules: what is said of those that are only counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOut } from '../../dashboards/web/alert/suggest.js';

test('what is not offered is counted, with the reason', () => {
  assert.equal(leftOut({ noisy: 1, unknown: 2 }), '1 would have fired more than daily, or for hours; of 2 too little is known.');
  assert.equal(leftOut({ noisy: 0, unknown: 1 }), 'Of 1 too little is known.');
  assert.equal(leftOut({ noisy: 0, unknown: 0 }), '');
});
