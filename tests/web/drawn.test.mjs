/** What new drawings are made of: the way of money, logarithmic axes, hours of the week, who calls whom, searches as SQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStatus, wayOf, wayOfCosts, wayWords } from '../../dashboards/web/budget/ahead.js';
import { logTicks, logarithmic, spread } from '../../dashboards/web/charts/log.js';
import { busiest, layout } from '../../dashboards/web/graph.js';
import { byWeekday, edgesOf, stepOf } from '../../dashboards/web/heat.js';
import { parseFilter } from '../../dashboards/web/filters.js';
import { quoted, sqlOf } from '../../dashboards/web/sql.js';

const course = { at: ['2026-11-21T12:00:00Z', '2026-11-22T00:00:00Z', '2026-12-01T00:00:00Z'], p10: ['10', '10.5', '20'], p50: ['10', '11', '30'], p90: ['10', '12', '45'] };
const projection = { course, exhausted_at: { p10: '2026-11-25T00:00:00Z', p50: '2026-11-28T00:00:00Z', p90: null }, budget: { name: 'all', limit_amount: '25' }, certain: true, interval: { p10: '20', p50: '30', p90: '45' }, notes: [], probability_over_budget: 0.7 };
const status = { so_far: { at: ['2026-11-01T00:00:00Z', '2026-11-21T12:00:00Z'], spent: ['0', '10'] }, limit_amount: '25', projection };

test('the way of a budget begins where it stands, and nothing unknown is drawn', () => {
  const way = wayOf(status);
  assert.deepEqual(way.past, [[Date.parse('2026-11-01T00:00:00Z'), 0], [Date.parse('2026-11-21T12:00:00Z'), 10]]);
  assert.deepEqual(way.ahead.map((one) => one.high), [10, 12, 45]);
  assert.deepEqual(way.reached, { early: Date.parse('2026-11-25T00:00:00Z'), likely: Date.parse('2026-11-28T00:00:00Z'), late: null });
  assert.equal(wayOf({ ...status, projection: null }), null);
  assert.equal(wayOf({ ...status, projection: { ...projection, course: null } }), null);
  assert.equal(wayOf({ ...status, projection: { ...projection, exhausted_at: { p10: null, p50: null, p90: null } } }).reached, null);
  assert.match(wayWords(way, 'UTC'), /^\$10\.00 now, \$30\.00 at the end, between \$20\.00 and \$45\.00 in 8 of 10 cases; the limit is \$25\.00, reached about 28 Nov, 00:00$/);
  assert.match(wayWords({ ...way, reached: { ...way.reached, likely: null } }, 'UTC'), /reached with a chance of 10 % by 25 Nov/);
});

test('the way of costs adds up its buckets and ends at the figure of now', () => {
  const trend = [{ date: '2026-11-20', cost: '4' }, { date: '2026-11-21', cost: '6' }, { date: '2026-11-22', cost: null }];
  const way = wayOfCosts({ projection, total_cost: '10' }, trend, (text) => Date.parse(`${text}T00:00:00Z`));
  assert.deepEqual(way.past.map(([, spent]) => spent), [0, 4, 10]);
  assert.equal(way.limit, 25);
  assert.equal(wayOfCosts({ projection: { ...projection, budget: null }, total_cost: '10' }, trend, Date.parse).limit, null);
  assert.equal(asStatus({ projection, total_cost: '10' }).percentage, 40);
  assert.equal(asStatus({ projection, total_cost: null }).percentage, null);
  assert.equal(asStatus({ projection, total_cost: '10' }).projection.p90, '45');
});

test('a logarithmic axis has round marks, and none for nothing', () => {
  assert.deepEqual(spread([[null, 0, 3, 420], [7, null]]), [2, 500]);
  assert.deepEqual(spread([[900]]), [500, 1000]);
  assert.equal(spread([[0, null], []]), null);
  assert.deepEqual(logTicks(2, 500), [2, 5, 10, 20, 50, 100, 200, 500]);
  assert.deepEqual(logTicks(0.001, 1000), [0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  assert.equal(logarithmic([[0]]), undefined);
  assert.deepEqual(logarithmic([[3, 420]]).scale.range(), [2, 500]);
  assert.deepEqual(logarithmic([[10]]).scale.range(), [1, 10]);
});

test('hours of the week are those of the zone, weighed, and unknown where nothing came', () => {
  const monday = Date.parse('2026-11-16T23:00:00Z');
  const cells = byWeekday([{ at: monday, value: 10, weight: 1 }, { at: monday + 7 * 864e5, value: 40, weight: 3 }, { at: monday + 36e5, value: null, weight: 5 }], 'UTC');
  assert.deepEqual(cells[0][23], { weekday: 0, hour: 23, value: 32.5, hours: 2 });
  assert.equal(cells[1][0].value, null);
  assert.equal(byWeekday([{ at: monday, value: 10, weight: 1 }], 'Asia/Kathmandu')[1][4].value, 10);
  const edges = edgesOf(cells.flat());
  assert.equal(stepOf(32.5, edges), edges.length);
  assert.deepEqual(edgesOf([{ value: null }]), []);
  const many = edgesOf(Array.from({ length: 168 }, (_, at) => ({ value: at })));
  assert.equal(many.length, 7);
  assert.deepEqual([0, 60, 167].map((value) => stepOf(value, many)), [1, 3, 7]);
});

test('callers stand before the called, circles and all', () => {
  const edges = [['web', 'api'], ['api', 'db'], ['web', 'db'], ['api', 'web'], ['job', 'db']].map(([parent, child]) => ({ parent, child, calls: 1 }));
  const { nodes, layers } = layout(edges);
  const layer = Object.fromEntries(nodes.map((node) => [node.name, node.layer]));
  assert.equal(nodes.length, 4);
  assert.ok(layer.db > layer.api && layer.db > layer.job);
  assert.ok(layers <= 3);
  assert.equal(new Set(nodes.map((node) => `${node.layer} ${node.row}`)).size, 4);
  const some = busiest([{ parent: 'a', child: 'b', calls: 1 }, { parent: 'c', child: 'd', calls: 9 }], 2);
  assert.deepEqual(some, { edges: [{ parent: 'c', child: 'd', calls: 9 }], left: 2 });
  assert.deepEqual(layout([]), { nodes: [], layers: 1, rows: 0 });
});

test('forty services that all call one another are laid out at once', () => {
  const names = Array.from({ length: 40 }, (_, at) => `service-${at}`);
  const edges = names.flatMap((parent, at) => names.filter((_, other) => other !== at).map((child) => ({ parent, child, calls: 1 })));
  const began = performance.now();
  assert.equal(layout(edges).nodes.length, 40);
  assert.ok(performance.now() - began < 1000);
});

test('a search as SQL quotes whatever was typed and asks what the search asks', () => {
  assert.equal(quoted("a'; DROP TABLE x; --"), "'a''; DROP TABLE x; --'");
  const asked = ["service:chat-api", "!model:it's", 'model:', 'duration>500ms', 'cost>=0.01', 'status:error'].map(parseFilter);
  const sql = sqlOf(asked, 'time "two words"', '-cost');
  assert.match(sql, /bool_or\(service = 'chat-api'\)/);
  assert.match(sql, /NOT coalesce\(bool_or\(model = 'it''s'\), false\)/);
  assert.match(sql, /count\(model\) = 0/);
  assert.match(sql, /max\(end_ns\) - min\(start_ns\) > 500000000/);
  assert.match(sql, /contains\(words, 'time'\) AND contains\(words, 'two words'\)/);
  assert.match(sql, /ORDER BY cost_usd DESC NULLS LAST/);
  assert.ok(!sqlOf([], '').includes('HAVING'));
});
