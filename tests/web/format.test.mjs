/** Figures as text: one table per kind, and what must hold for any figure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN, addMoney, ago, axisDuration, bytes, count, duration, exactMoney, instant, milliseconds, money, parseDecimal, percent, perThousand, rate, whole } from '../../dashboards/web/format.js';

const plain = (text) => text.replaceAll('\u202f', ' ').replaceAll('\u2212', '-');

/** Runs a table of [given, wanted]. */
function table(name, of, rows) {
  test(name, () => { for (const [given, wanted] of rows) assert.equal(plain(of(given)), wanted, `${name} of ${given}`); });
}

table('money is rounded half to even from its decimal text', money, [
  ['4820.4', '$4,820'], ['1000', '$1,000'], ['999.995', '$1,000'], ['999.994', '$999.99'], ['189.98999', '$189.99'], ['1', '$1.00'], ['0.99999', '$1.00'], ['0.04894', '$0.04894'],
  ['0.5', '$0.5000'], ['0.00000824', '$0.000008240'], ['5e-7', '$0.0000005000'], ['0', '$0'], ['0.000', '$0'], ['-0', '$0'], ['-3.2', '-$3.20'], ['1e-14', '<$0.000000000001'], ['1.005', '$1.00'], ['1.015', '$1.02'],
  ['12345678901234567890.5', '$12,345,678,901,234,567,890'], [0.25, '$0.2500'], [null, UNKNOWN], [undefined, UNKNOWN], ['', UNKNOWN], ['abc', UNKNOWN], [NaN, UNKNOWN],
]);
table('exact money keeps every digit', exactMoney, [['0.000000123456789012', '$0.000000123456789012'], ['12.500', '$12.5'], ['7', '$7'], ['-1.20', '-$1.2'], [null, 'unknown']]);
table('counts have three digits from a thousand on', count, [[412, '412'], [999, '999'], [1000, '1.00k'], [9920, '9.92k'], [999_949, '1.00M'], [1_200_000, '1.20M'], [3.5e9, '3.50G'], [0, '0'], [-1500, '-1.50k'], [null, UNKNOWN]]);
table('bytes go by 1024', bytes, [[0, '0 B'], [1023, '1023 B'], [1024, '1.00 KiB'], [1_048_576, '1.00 MiB'], [440401920, '420 MiB'], [-1536, '-1.50 KiB'], [5 * 1024 ** 5, '5120 TiB'], [62.4, '62 B'], [null, UNKNOWN]]);
table('whole numbers have their thousands apart', whole, [[0, '0'], [1234567, '1,234,567'], [-1000, '-1,000'], [null, UNKNOWN]]);
table('durations go from nanoseconds to days', duration, [
  [486, '486 ns'], [486_000, '486 µs'], [84e6, '84.0 ms'], [999.96e6, '1.00 s'], [1.65e9, '1.65 s'], [59.99e9, '60.0 s'], [60e9, '1 min'], [125e9, '2 min 5 s'], [3600e9, '1 h'], [3_725e9, '1 h 2 min'], [90_000e9, '1 d 1 h'], [0, '0 ms'], [-2e6, '-2.00 ms'], [null, UNKNOWN],
]);
table('an axis drops idle zeros', axisDuration, [[2e9, '2 s'], [1.5e9, '1.5 s'], [500e6, '500 ms'], [10e6, '10 ms'], [0, '0'], [120e9, '2 min']]);
table('percentages are never rounded up to 100', percent, [[0.618, '61.8 %'], [0.0231, '2.31 %'], [0, '0 %'], [1, '100 %'], [0.99999, '99.9 %'], [0.00001, '<0.01 %'], [null, UNKNOWN]]);
table('percentages from a thousand on are whole', percent, [[25.237, '2,524 %'], [-13.63, '-1,363 %'], [9.994, '999.4 %']]);
table('rates', rate, [[39.9, '39.9'], [0, '0'], [0.001, '<0.01'], [0.25, '0.25'], [40_700, '40.7k'], [null, UNKNOWN]]);
table('milliseconds from the wire', milliseconds, [[613.8, '614 ms'], [null, UNKNOWN]]);

test('ages are relative under a day', () => {
  const now = Date.UTC(2026, 10, 21, 12);
  assert.equal(plain(ago(now - 12_000, now, 'UTC')), '12 s ago');
  assert.equal(plain(ago(now - 61_000, now, 'UTC')), '1 min ago');
  assert.equal(plain(ago(now + 58 * 60_000, now, 'UTC')), 'in 58 min');
  assert.equal(ago(now, now, 'UTC'), 'now');
  assert.equal(ago(now - 26 * 36e5, now, 'UTC'), '20 Nov, 10:00');
  assert.equal(ago(null, now), UNKNOWN);
});

test('instants with nanoseconds are read', () => {
  assert.equal(instant('2026-11-21T09:41:07.123456789Z'), Date.UTC(2026, 10, 21, 9, 41, 7, 123));
  assert.equal(instant(null), null);
  assert.equal(instant('yesterday'), null);
});

test('sums of money are exact and skip what is unknown', () => {
  assert.equal(addMoney(['0.1', '0.2']), '0.3');
  assert.equal(addMoney(['0.000000000001', '1000000', null, '-0.5']), '999999.500000000001');
  assert.equal(addMoney([null, undefined]), null);
  assert.equal(addMoney([]), null);
});

test('cost per thousand calls', () => {
  assert.equal(money(perThousand('0.005136', 231)), '$0.02223');
  assert.equal(perThousand(null, 5), null);
  assert.equal(perThousand('1', 0), null);
});

/** A small generator with a seed, so that a failure can be repeated. */
function* numbers(seed, many) {
  let state = seed;
  for (let at = 0; at < many; at += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

test('for any amount: the shown figure is within half a unit of its last place, and only zero is $0', () => {
  for (const random of numbers(7, 4000)) {
    const digits = String(Math.floor(random * 1e9) + 1);
    const text = `0.${'0'.repeat(Math.floor(random * 7919) % 9)}${digits}`.replace(/^0\.(\d{3})(\d+)$/, random > 0.6 ? '$1.$2' : '0.$1$2');
    const shown = money(text);
    assert.notEqual(shown, '$0', text);
    const value = parseDecimal(shown.replace(/[$,]/g, ''));
    const exact = parseDecimal(text);
    const scale = Math.max(value.scale, exact.scale);
    const error = value.units * 10n ** BigInt(scale - value.scale) - exact.units * 10n ** BigInt(scale - exact.scale);
    assert.ok((error < 0n ? -error : error) * 2n <= 10n ** BigInt(scale - value.scale), `${text} as ${shown}`);
  }
});

test('no formatter says NaN, Infinity or undefined, and none turns unknown into a figure', () => {
  for (const of of [money, count, whole, duration, percent, rate, milliseconds]) {
    for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(of(nothing), UNKNOWN);
    for (const random of numbers(11, 500)) assert.doesNotMatch(of(Math.exp(random * 60 - 20)), /NaN|Infinity|undefined/);
  }
});
