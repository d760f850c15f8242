/** The command palette's choice, and what of an address a kept view holds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PLACES, named, offered, places } from '../../dashboards/web/palette/commands.js';
import { best, score } from '../../dashboards/web/palette/match.js';
import { addressOf, brought, contentOf, sameContent } from '../../dashboards/web/parts/kept.js';

const known = (more = {}) => ({ places: places(), views: [], named: [], ranged: true, ...more });
const names = (groups) => groups.flatMap((group) => group.items.map((item) => item.name));

test('beginnings of words come before letters within them; strewn letters are no match', () => {
  const of = (...list) => list.map((name) => ({ name }));
  assert.deepEqual(best('co', of('Incoming', 'Costs'), 9).map((one) => one.name), ['Costs', 'Incoming']);
  assert.deepEqual(best('pb', of('Pub', 'Price book'), 9).map((one) => one.name)[0], 'Price book');
  assert.equal(score('gpt', '<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>'), null);
  assert.equal(score('xyz', 'Costs'), null);
  assert.ok(score('ЗАКАЗ', 'заказы') !== null);
});

test('every page of the application can be reached', () => {
  const app = readFileSync(new URL('../../dashboards/web/app.js', import.meta.url), 'utf8');
  const plain = [...app.matchAll(/^ {2}\[\/\^(.+?)\$\/, \(\)/gm)].map((match) => match[1].replaceAll('\\/', '/').replace(/\(\?:.*$/, '')).filter((path) => !path.includes('('));
  assert.ok(plain.length > 15);
  assert.deepEqual(plain.filter((path) => !PLACES.some(([to]) => to === path)), []);
});

test('a trace id opens the trace, other text can be searched for', () => {
  const id = 'F7B9F85A884842E56C5003CD8438EA78';
  assert.equal(offered(` ${id} `, known())[0].items[0].to, `/traces/${id.toLowerCase()}`);
  const found = offered('a&b', known());
  assert.equal(found.at(-1).items[0].to, '/traces?q=a%26b');
});

test('names lead to where they are at home, whatever they are made of', () => {
  const commands = named({ services: ['a/b?c'], models: ['gpt 5&6'], slos: [{ name: 'x-y', display_name: 'X of Y' }], alerts: [{ id: '1', name: 'Errors', message: 'Errors are high' }] });
  assert.deepEqual(commands.map((one) => one.to), ['/alerts/1', '/services/a%2Fb%3Fc', '/slos/x-y', '/costs?f=model%3Agpt+5%266', '/traces?f=model%3Agpt+5%266']);
  assert.ok(names(offered('x of', known({ named: commands }))).includes('X of Y'));
});

test('a page without a range is offered none', () => {
  assert.ok(names(offered('last hour', known())).includes('Last hour'));
  assert.ok(!names(offered('last hour', known({ ranged: false }))).includes('Last hour'));
});

test('a view holds what is looked at, not where somebody is', () => {
  const here = new URLSearchParams('f=status:error&from=now-1h&cursor=x&sel=1&tz=UTC&view=v&compare=c');
  assert.equal(contentOf(here), 'f=status%3Aerror&from=now-1h');
  assert.ok(sameContent('from=now-1h&f=status%3Aerror', here));
  assert.ok(!sameContent('from=now-1h', here));
  assert.equal(addressOf({ page: '/traces', query: 'q=a%26b', view_id: 'v' }, 'UTC'), '/traces?q=a%26b&view=v&tz=UTC');
});

test('a file brings a view if it is one, with nothing but what makes it', () => {
  const view = { name: 'Failing', page: '/traces', query: 'f=status%3Aerror', shared: true };
  assert.deepEqual(brought(JSON.stringify({ ...view, view_id: 'b1', owner: 'admin', mine: true, created_at: '2026-11-21T12:00:00Z' })), view);
  assert.deepEqual(brought('{"name":"a","page":"/logs","query":""}'), { name: 'a', page: '/logs', query: '', shared: false });
  for (const other of ['', 'no JSON', 'null', '[]', '7', '{"name":"a"}', '{"name":1,"page":"/logs","query":""}']) assert.equal(brought(other), null, other);
});
