/** What is said of objectives: every state, every verdict of a pair, and the links to the events behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behind, conditionWords, elsewhere, exactPercent, goneIn, pairWords, pairsInShort, standing, stateLook, stateReason, times, windowWords } from '../../dashboards/web/slo/words.js';

const plain = (text) => text.replaceAll('\u202f', ' ');
const pair = (more) => ({ severity: 'page', long_s: 3600, short_s: 300, threshold: 14.4, long_burn_rate: 1, short_burn_rate: 1, firing: false, reason: 'slow', unreachable: null, ...more });
const slo = (more) => ({ display_name: 'Answers', state: 'ok', reason: 'within', remaining_ratio: 0.5, seconds_until_exhausted: null, silent_s: 0, coverage: 1, conditions: [pair({})], ...more });
const unknown = slo({ state: 'unknown', reason: 'no_events', remaining_ratio: null, conditions: [pair({ firing: null, reason: 'no_events' })] });

test('a percentage beside a target is never rounded up', () => {
  for (const [value, target, wanted] of [[99.8999, 99.9, '99.899 %'], [99.999999, 99, '99.99 %'], [100, 99.9, '100 %'], [97.6069615664, 99, '97.60 %'], [99.962, 99.9, '99.962 %'], [99.5, 99.5, '99.5 %'], [0, 95, '0 %'], [null, 95, '—']]) assert.equal(plain(exactPercent(value, target)), wanted);
});

test('burn rates', () => {
  for (const [value, wanted] of [[6.2, '6.20×'], [0, '0×'], [0.001, '<0.01×'], [24, '24.0×'], [null, '—']]) assert.equal(times(value), wanted);
});

test('a state is good only where the server says so and nothing burns', () => {
  assert.equal(stateLook(slo({})).word, 'On track');
  assert.equal(stateLook(slo({ conditions: [pair({ firing: true })] })).word, 'Burning');
  assert.equal(stateLook(slo({ seconds_until_exhausted: 600 })).word, 'At risk');
  assert.equal(stateLook(elsewhere(slo({ seconds_until_exhausted: 600, conditions: [pair({ firing: true })] }))).word, 'On track');
  assert.equal(stateLook(slo({ state: 'breach', remaining_ratio: -1 })).word, 'Spent');
  for (const state of ['unknown', 'unheard', null, undefined]) assert.deepEqual([stateLook(slo({ state })).word, stateLook(slo({ state })).tone], ['Unknown', 'unk']);
});

test('every reason is a sentence of its own', () => {
  const said = ['no_events', 'stale', 'low_coverage', 'uncounted', 'invalid', 'unheard_of'].map((reason) => plain(stateReason(slo({ state: 'unknown', reason, silent_s: 720, coverage: 0.71 }))));
  assert.equal(new Set(said).size, said.length);
  assert.match(said[1], /12 min/);
  assert.match(said[2], /71.0 %/);
});

test('a pair that nobody can judge is unknown, never quiet', () => {
  for (const firing of [null, undefined]) assert.deepEqual([pairWords(pair({ firing, reason: 'low_coverage' })).look.word, pairsInShort(slo({ conditions: [pair({ firing: null }), pair({})] })).look.word], ['Unknown', 'Unknown']);
  assert.equal(pairWords(pair({ firing: true })).look.tone, 'crit');
  assert.equal(pairWords(pair({ firing: true, severity: 'ticket' })).look.tone, 'warn');
  assert.equal(pairWords(pair({ reason: 'few_events' })).look.word, 'Too few');
  assert.deepEqual(pairWords(pair({ reason: 'unreachable', unreachable: 'it cannot' })), { look: { icon: 'dash', word: 'Never', tone: 'unk' }, why: 'it cannot' });
  assert.match(pairWords(pair({ long_burn_rate: 20, short_burn_rate: 2 })).why, /stopped/);
  assert.match(pairWords(pair({ long_burn_rate: 20, short_burn_rate: null })).why, /nothing happened/);
  assert.equal(plain(pairsInShort(slo({ conditions: [pair({ firing: true }), pair({ firing: true })] })).text), 'Page 1 h + 5 min and 1 more');
  assert.equal(pairsInShort(slo({ conditions: [] })).look.word, 'Unknown');
});

test('the sentence says the worst first, and claims nothing of what is not known', () => {
  assert.deepEqual(standing([slo({}), slo({})]), { tone: 'ok', icon: 'tick', title: 'All 2 objectives are within their budgets', text: '' });
  assert.equal(standing([slo({}), unknown]).tone, 'unk');
  assert.equal(standing([slo({ seconds_until_exhausted: 60 }), unknown]).tone, 'warn');
  const worst = standing([slo({ state: 'breach', display_name: 'Mail' }), slo({ conditions: [pair({ firing: true })] }), unknown, slo({})]);
  assert.deepEqual([worst.tone, worst.title, worst.text], ['crit', '1 of 4 objectives has spent the budget', 'Mail · 1 burning · 1 unknown · 1 on track']);
});

test('when a budget is gone', () => {
  assert.equal(goneIn(unknown), null);
  assert.equal(goneIn(slo({})), 'not at this pace');
  assert.equal(goneIn(slo({ seconds_until_exhausted: 0 })), 'gone');
  assert.equal(plain(goneIn(slo({ seconds_until_exhausted: 3600 * 76 }))), '3 d 4 h');
  assert.equal(goneIn(slo({ seconds_until_exhausted: 1e12 })), 'over a year');
});

test('windows in words', () => {
  assert.equal(windowWords('28d'), 'last 28 d');
  assert.equal(windowWords({ duration: '1M', calendar: true, timezone: 'Europe/Berlin' }), 'calendar month, Europe/Berlin');
  assert.equal(windowWords({ duration: '7d' }), 'last 7 d');
});

test('the events behind are asked for by what a list can filter', () => {
  const where = { service: { one_of: ['chat-api'] }, entry: { one_of: ['true'] }, 'http.method': { one_of: ['GET'] } };
  assert.deepEqual(behind({ kind: 'span', where, good: { status: { one_of: ['ok'] } } }, { dimension: 'route', value: '/chat' }), { path: '/traces', filters: ['service:chat-api', 'status:error', 'route:/chat'], tab: null });
  assert.deepEqual(behind({ kind: 'ledger', where: { operation: { none_of: ['chat'] } }, good: { state: { none_of: ['unpriced'] } } }, { dimension: 'tenant', value: null }), { path: '/costs', filters: ['!operation:chat', 'state:unpriced', 'tenant:'], tab: 'ledger' });
  assert.deepEqual(behind({ kind: 'ledger', where: {}, good: null, threshold: { field: 'cost_usd', side: 'below', value: 0.05 } })?.filters, ['cost>0.05']);
  assert.deepEqual(behind({ kind: 'span', where: {}, good: null, threshold: { field: 'duration_ms', side: 'below', value: 500 } })?.filters, ['duration>500ms']);
  assert.equal(behind({ kind: 'metric', where: {}, good: null }), null);
});

test('conditions in words', () => {
  assert.deepEqual(conditionWords({ entry: { one_of: ['true'] }, service: { one_of: ['a', null] }, pesq: { at_least: 3.5 } }), ['the span with which a request enters the service', 'service is a or not set', 'pesq is at least 3.5']);
  assert.deepEqual(conditionWords({ pesq: { none_of: [''], at_least: 3.5000000000000004 }, model: { none_of: ['', 'a', 'b'] }, cost: { at_most: 0.19999999999999998 } }), ['pesq is set', 'pesq is above 3.5', 'model is set', 'model is not a or b', 'cost is below 0.2']);
  assert.deepEqual(conditionWords(null), []);
});
