import test from 'node:test';
import assert from 'node:assert/strict';
import { differenceWords, otherRates, priceBody, priceMistakes, rateMoney, runWords, sourceWords, stretchWords, sumWords, unitWords, usedWords } from '../../dashboards/web/prices/words.js';
import { billMistake, billSearch, differing, gridOf, sentence, toneOf } from '../../dashboards/web/prices/bills.js';
import { detailWords, keptWords, limitWords, tokenBody, tokenLook } from '../../dashboards/web/settings/words.js';
import { USUAL, tilesOf } from '../../dashboards/web/settings/tiles.js';
import { parseExact } from '../../dashboards/web/exact.js';

test('a rate keeps every digit, and its cents', () => {
  assert.deepEqual(['0.25', '15', '0.0833333333333333', '0', null].map(rateMoney), ['$0.25', '$15.00', '$0.0833333333333333', '$0.00', '—']);
});

test('rates and sums of an answer stay the digits that were sent', () => {
  const told = parseExact('{"rates": {"input_mtok": 0.10000000000000000001}, "old_total": null, "new_total": 812.310000000000000001, "bill": 12345678901234567890.12}');
  assert.deepEqual(told, { rates: { input_mtok: '0.10000000000000000001' }, old_total: null, new_total: '812.310000000000000001', bill: '12345678901234567890.12' });
});

test('units that nobody listed are still named', () => {
  assert.deepEqual(['input_mtok', 'output_image_mtok', 'input_document_kpages', 'gpu'].map(unitWords), [['Input', 'M tokens'], ['Output image', 'M tokens'], ['Input document', '1k pages'], ['Gpu', 'one']]);
  assert.equal(otherRates({ input_mtok: '1', web_searches_kcount: '10' }), 'Web searches $10.00 / 1k searches');
});

test('a form sends what was typed and nothing for what was left empty', () => {
  const fields = new Map(Object.entries({ provider: ' openai ', model: 'm', match: 'prefix', start: 'beginning', 'rates.input_mtok': '$3', 'rates.output_mtok': ' ', valid_to: '', batch: 'on' }));
  assert.deepEqual(priceBody(fields, ['input_mtok', 'output_mtok']), { provider: 'openai', model_prefix: 'm', rates: { input_mtok: '3' }, valid_from: null, valid_to: null, batch: true });
  assert.deepEqual(Object.keys(priceMistakes(priceBody(new Map([['start', 'moment']]), []))), ['provider', 'model', 'valid_from', '']);
});

test('a run says what it did, and a sum that nobody knows is no zero', () => {
  const run = { apply: false, state: 'done', changed: 4021, lines: 120000, done: 120000, newly_priced: 12, newly_unpriced: 0, unpriced: 3 };
  assert.equal(runWords(run), '4,021 of 120,000 lines would change: 12 get a price, 3 stay without one.');
  assert.match(runWords({ ...run, apply: true, state: "running", done: 20000 }), /^4,021 of 20,000 of 120,000 lines looked at are being corrected/);
  assert.deepEqual([sumWords(null), sumWords('0'), differenceWords('-22.29'), differenceWords('2.2'), differenceWords('0'), differenceWords(null)], ['no price', '$0', '\u2212$22.29', '+$2.20', 'no difference', '—']);
});

test('where a price is from and when it holds', () => {
  assert.deepEqual(['override:server', 'override:ours.yml', 'genai-prices', null].map(sourceWords), ['set here', 'ours.yml', 'genai-prices', '—']);
  assert.equal(stretchWords({ valid_from: null, valid_to: null }, 'UTC'), 'always');
  assert.match(stretchWords({ valid_from: '2026-11-01T00:00:00Z', valid_to: null }, 'UTC'), /^from 1 Nov/);
  assert.equal(usedWords({ input_tokens: 9000, output_tokens: null, audio_seconds: null, characters: null }, String), '9000 / — tokens');
});

const cell = (day, model, difference, why = null, project = null) => ({ day, model, project, bill: '1', ledger: '1', difference, why, text: '' });

test('days and models make a grid, what differs most first', () => {
  const grid = gridOf([cell('2026-10-02', 'a', '0.1', 'price'), cell('2026-10-01', 'b', '-5', 'not_billed'), cell('2026-10-01', 'a', '0', null), cell('2026-10-01', 'b', '0.2', 'price', 'p')], 1);
  assert.deepEqual(grid.days, ['2026-10-01', '2026-10-02']);
  assert.deepEqual([grid.models[0].model, grid.models[0].difference, grid.more, grid.models[0].cells.get('2026-10-01').difference], ['b', '-4.8', 1, '-5']);
  assert.deepEqual([cell('', 'a', '0'), cell('', 'a', '0.004', 'rounding'), cell('', 'a', '1', 'price'), cell('', 'a', '-1', 'price'), cell('', 'a', '0', 'not_billed')].map(toneOf), ['same', 'same', 'under', 'over', 'open']);
  assert.deepEqual(differing([cell('', 'a', '1', 'price'), cell('', 'b', '-3', 'unknown'), cell('', 'c', '9', 'rounding')]).map((one) => one.model), ['b', 'a']);
});

test('a mistake of a bill is told so that somebody can choose', () => {
  assert.equal(billMistake({ parameter: 'decimal', value: '1,234', allowed: 'x' }).allowed, '“1,234” can be read in two ways: say which');
  assert.equal(billMistake({ parameter: 'tz', value: 'Mars', allowed: 'a zone' }).allowed, 'a zone');
  assert.equal(String(billSearch(new Map(Object.entries({ provider: 'openai, azure', tolerance: '2', tz: ' ' })))), 'tolerance=2&provider=openai&provider=azure');
  assert.equal(sentence({ sentence: 'we saw 99.7 % of the bill' }), 'We saw 99.7\u202f% of the bill.');
});

test('tokens, limits and how long things are kept', () => {
  assert.deepEqual(tokenBody(new Map(Object.entries({ name: ' a ', role: 'viewer', expires_at: '', services: 'x, ,y', tenants: '' }))), { name: 'a', role: 'viewer', expires_at: null, services: ['x', 'y'], tenants: null });
  assert.equal(limitWords({ services: ['x', 'y'], tenants: ['t'] }), 'services x, y; tenant t');
  assert.equal(tokenLook({ state: 'unheard of' }).tone, 'unk');
  assert.deepEqual([7, 0.25, null].map(keptWords), ['7 days', '6 hours', 'as needed']);
});

test('a change is told by what is different', () => {
  assert.deepEqual(detailWords('{"before": {"name": "a", "role": "viewer"}, "after": {"name": "b", "role": "viewer"}}'), ['name: a → b']);
  assert.deepEqual(detailWords('{"before": null, "after": {"name": "b", "batch": false, "tier": null}}'), ['name: b']);
  assert.deepEqual([detailWords(null), detailWords('no json'), detailWords('7')], [[], ['no json'], ['7']]);
});

test('tiles that are unknown, twice, or too many are left out of a choice', () => {
  assert.deepEqual(tilesOf(''), USUAL);
  assert.deepEqual(tilesOf('cpu,cpu,nonsense,spend'), ['cpu', 'spend']);
  assert.equal(tilesOf('calls,failed,p95,ttfc,tokens,spend,cpu').length, 6);
});
