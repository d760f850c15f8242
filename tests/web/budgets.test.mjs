/** What is said of budgets, what their form sends, and where a server's mistakes are shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, changesOf, forecastWords, marksOf, scopeFilters, scopeWords, standing, stateLook, worstFirst } from '../../dashboards/web/budget/words.js';
import { mistakesOf } from '../../dashboards/web/mistakes.js';

const plain = (text) => text.replaceAll('\u202f', ' ');
const goes = { certain: true, p10: '41', p50: '44', p90: '52', probability_over_budget: 0.24, exhausted_at: { p10: '2026-11-28T09:00:00Z', p50: null, p90: null }, notes: [] };
const status = (more) => ({ status: 'under_budget', spent: '10', limit_amount: '50', percentage: 20, unpriced_calls: 0, thresholds: [], projection: goes, ...more });
const budget = (more) => ({ id: 'a', name: 'a', archived_at: null, limit_amount: '50', status: status({}), ...more });

test('no budget with calls that nobody can price looks good', () => {
  for (const state of ['under_budget', 'on_track']) {
    assert.equal(stateLook(status({ status: state })).tone, 'ok');
    assert.equal(stateLook(status({ status: state, unpriced_calls: 1 })).word, 'Degraded');
    assert.equal(stateLook(status({ status: state, spent: null })).word, 'Degraded');
  }
  assert.equal(stateLook(status({ status: 'degraded' })).tone, 'warn');
  assert.equal(stateLook(status({ status: 'over_budget' })).word, 'Will exceed');
  assert.equal(stateLook(status({ status: 'over_budget', percentage: 100 })).word, 'Over budget');
  assert.equal(stateLook(status({ status: 'no_budget' })).word, 'Not watched');
  assert.equal(stateLook(status({ status: 'unheard' })).word, 'Unknown');
});

test('the sentence says the worst first', () => {
  const over = budget({ status: status({ status: 'over_budget', percentage: 120 }) });
  assert.equal(standing([budget({}), over]).title, '1 of 2 budgets is used up');
  assert.equal(standing([budget({})]).title, 'The budget holds');
  assert.equal(standing([budget({ status: status({ status: 'degraded' }) })]).tone, 'warn');
  assert.equal(standing([budget({ status: status({ status: 'no_budget' }) })]).tone, 'unk');
  assert.equal(standing([budget({ status: status({ status: 'unheard' }) })]).tone, 'unk');
  assert.deepEqual([budget({ name: 'b', archived_at: 'x' }), budget({ name: 'c' }), over].sort(worstFirst).map((one) => one.name), ['a', 'c', 'b']);
});

test('a forecast says how sure it is, and nothing where nothing is sure', () => {
  assert.equal(plain(forecastWords(status({}), 'UTC')), 'Ends at $44.00 ($41.00 – $52.00 in 8 of 10 cases), 24 % chance to pass the limit; with a chance of 10 % by 28 Nov, 09:00');
  assert.match(plain(forecastWords(status({ projection: { ...goes, probability_over_budget: 0 } }), 'UTC')), /less than 1 % chance/);
  assert.match(forecastWords(status({ percentage: 101, projection: { ...goes, exhausted_at: { p50: '2026-11-20T09:00:00Z' } } }), 'UTC'), /the limit was reached 20 Nov, 09:00$/);
  assert.equal(forecastWords(status({ projection: { ...goes, certain: false, notes: ['Too early: 2 of 24 hours of history.'] } }), 'UTC'), 'Too early: 2 of 24 hours of history.');
  assert.equal(forecastWords(status({ projection: null }), 'UTC'), '');
  assert.match(plain(forecastWords(status({ projection: { ...goes, backtest: { origins: 10, hours: 96, error: 0.0412, coverage: 0.8 } } }), 'UTC')), /; tried on the past, off by 4 %$/);
  assert.doesNotMatch(forecastWords(status({ projection: { ...goes, backtest: { origins: 3, hours: 2, error: null, coverage: 1 } } }), 'UTC'), /tried/);
});

test('thresholds that are watched are marked at their share of the limit', () => {
  const each = [{ percent: 50, kind: 'spent', enabled: false }, { percent: 80, kind: 'spent', enabled: true, reached: true }, { percent: 100, kind: 'spent', enabled: true }, { percent: 90, kind: 'forecast', enabled: true }];
  assert.deepEqual(marksOf(status({ thresholds: each })), [{ at: 40, reached: true, label: '80 %' }]);
});

test('what a budget is about', () => {
  assert.equal(scopeWords(budget({})), 'everything');
  assert.equal(scopeWords(budget({ model: 'gpt-5', user_tier: 'free' })), 'model gpt-5, user tier free');
  assert.deepEqual(scopeFilters(budget({ model: 'gpt-5', user_tier: 'free' })), ['model:gpt-5', 'user_tier:free']);
});

test('a version says what it made different', () => {
  const before = budget({ limit_amount: '40', enabled: true, model: null });
  assert.deepEqual(changesOf({ ...before, limit_amount: '60', enabled: false, model: 'gpt-5' }, before), ['limit $40.00 → $60.00', 'watched yes → no', 'model none → gpt-5']);
  assert.deepEqual(changesOf({ ...before, archived_at: 'x' }, before), ['Archived']);
  assert.deepEqual(changesOf(before, undefined), ['Made with a limit of $40.00 for everything']);
});

test('a form sends amounts as they were typed, and nothing for what is empty', () => {
  const body = bodyOf(new Map([['name', ' a '], ['limit_amount', '0.10'], ['period', 'daily'], ['window', 'calendar'], ['enabled', 'on'], ['alert_at_80_percent', 'on'], ['model', 'gpt-5']]), 3);
  assert.deepEqual([body.name, body.limit_amount, body.rollover_limit, body.model, body.tenant, body.enabled, body.alert_at_80_percent, body.alert_at_50_percent, body.version], ['a', '0.10', null, 'gpt-5', null, true, true, false, 3]);
  assert.ok(!('version' in bodyOf(new Map(), null)));
});

test('a mistake is told at its field, one without a field above all', () => {
  const known = (name) => name === 'limit_amount' || name === 'name';
  assert.deepEqual(mistakesOf({ errors: [{ parameter: 'limit_amount', allowed: 'above 0' }, { parameter: 'name', allowed: 'one letter' }, { parameter: 'body', allowed: 'no such pair' }] }, 'no', known), { limit_amount: 'Above 0', name: 'One letter', '': 'No such pair' });
  assert.deepEqual(mistakesOf({ parameter: 'limit_amount', allowed: 'above 0' }, 'no', known), { limit_amount: 'Above 0' });
  assert.deepEqual(mistakesOf({ detail: 'taken' }, 'taken', known), { '': 'taken' });
});
