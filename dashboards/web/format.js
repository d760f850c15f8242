// @ts-check
/**
 * Numbers, money, durations and times as text: pure functions, one rule each, the same wherever a figure is shown.
 *
 * Given: numbers, decimal strings, or null. Gives: text. Unknown (null, undefined, NaN) is always an em dash.
 * Never: money through a floating-point number; it stays a decimal string from the wire to the page.
 */

export const UNKNOWN = '—';
const THIN = '\u202f';
const MINUS = '\u2212';
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** @param {unknown} value */
export const isUnknown = (value) => value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value));

/**
 * A decimal text as an integer and a scale: "-1.50" is {negative: true, units: 150n, scale: 2}.
 * @param {unknown} value @returns {{negative: boolean, units: bigint, scale: number} | null}
 */
export function parseDecimal(value) {
  const match = DECIMAL.exec(String(value ?? '').trim());
  if (!match || (!match[2] && !match[3])) return null;
  const fraction = match[3] ?? '';
  const shift = Number(match[4] ?? 0);
  let scale = fraction.length - shift;
  let units = BigInt((match[2] || '0') + fraction);
  if (scale < 0) { units *= 10n ** BigInt(-scale); scale = 0; }
  return { negative: match[1] === '-' && units !== 0n, units, scale };
}

/** Rounded half to even. @param {bigint} units @param {number} scale @param {number} places */
function roundTo(units, scale, places) {
  if (scale <= places) return units * 10n ** BigInt(places - scale);
  const divisor = 10n ** BigInt(scale - places);
  const whole = units / divisor;
  const twice = (units % divisor) * 2n;
  return twice > divisor || (twice === divisor && whole % 2n === 1n) ? whole + 1n : whole;
}

/** @param {bigint} units @param {number} places */
function spell(units, places) {
  const digits = units.toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ',');
  return places ? `${whole}.${digits.slice(-places)}` : whole;
}

/** How many places a figure below one gets: four significant digits, 4 to 12 places. @param {bigint} units @param {number} scale */
const smallPlaces = (units, scale) => Math.min(12, Math.max(4, scale - units.toString().length + 4));

/**
 * Money from its decimal string: no cents from 1000, two places from 1, four significant digits below.
 * @param {unknown} value a decimal string (a number is taken by its shortest text) or null
 * @returns {string}
 */
export function money(value) {
  if (isUnknown(value)) return UNKNOWN;
  const decimal = parseDecimal(value);
  if (!decimal) return UNKNOWN;
  const { negative, units, scale } = decimal;
  if (units === 0n) return '$0';
  const one = 10n ** BigInt(scale);
  let places = units >= 1000n * one ? 0 : units >= one ? 2 : smallPlaces(units, scale);
  let rounded = roundTo(units, scale, places);
  if (rounded === 0n) return `<$0.${'0'.repeat(11)}1`;
  if (places === 2 && rounded >= 100_000n) { places = 0; rounded = roundTo(units, scale, 0); }
  if (places > 2 && rounded >= 10n ** BigInt(places)) { places = 2; rounded = roundTo(units, scale, 2); }
  return `${negative ? MINUS : ''}$${spell(rounded, places)}`;
}

/** Every digit of an amount, for titles and copies. @param {unknown} value */
export function exactMoney(value) {
  const decimal = isUnknown(value) ? null : parseDecimal(value);
  if (!decimal) return 'unknown';
  const digits = decimal.units.toString().padStart(decimal.scale + 1, '0');
  const whole = digits.slice(0, digits.length - decimal.scale);
  const fraction = decimal.scale ? digits.slice(-decimal.scale).replace(/0+$/, '') : '';
  return `${decimal.negative ? MINUS : ''}$${whole}${fraction ? `.${fraction}` : ''}`;
}

/**
 * The exact sum of decimal strings; unknown amounts are left out.
 * @param {Iterable<unknown>} amounts @returns {string | null} null when none was known
 */
export function addMoney(amounts) {
  let units = 0n;
  let scale = 0;
  let known = false;
  for (const amount of amounts) {
    const decimal = isUnknown(amount) ? null : parseDecimal(amount);
    if (!decimal) continue;
    known = true;
    if (decimal.scale > scale) { units *= 10n ** BigInt(decimal.scale - scale); scale = decimal.scale; }
    const part = decimal.units * 10n ** BigInt(scale - decimal.scale);
    units += decimal.negative ? -part : part;
  }
  if (!known) return null;
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const text = scale ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits;
  return units < 0n ? `-${text}` : text;
}

/** An amount as a length for drawing: the only place where money may lose digits. @param {unknown} value */
export const moneyLength = (value) => (isUnknown(value) ? null : Number(value));

/** Three significant digits without an exponent. @param {number} value */
export function threeDigits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

const STEPS = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

/** Counts and tokens: plain below 1000, then three digits with k, M, G. @param {number | null | undefined} value */
export function count(value) {
  if (isUnknown(value)) return UNKNOWN;
  const number = Number(value);
  if (Math.abs(number) < 1000) return signed(Number.isInteger(number) ? String(number) : threeDigits(number));
  const [size, letter] = /** @type {[number, string]} */ (STEPS.find(([least]) => Math.abs(number) >= Number(least) * 0.9995));
  return signed(threeDigits(number / size) + letter);
}

/** A whole number with its thousands apart. @param {number | null | undefined} value */
export const whole = (value) => (isUnknown(value) ? UNKNOWN : signed(String(Math.round(Number(value))).replace(/\B(?=(\d{3})+$)/g, ',')));

/** @param {string} text */
const signed = (text) => text.replace(/^-/, MINUS);

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes, by 1024. @param {number | null | undefined} value */
export function bytes(value) {
  if (isUnknown(value)) return UNKNOWN;
  const number = Number(value);
  const found = SIZES.findIndex((_, power) => Math.abs(number) < 1023.5 * 1024 ** power);
  const step = found < 0 ? SIZES.length - 1 : found;
  return `${signed(step ? threeDigits(number / 1024 ** step) : String(Math.round(number)))}${THIN}${SIZES[step]}`;
}

/** A figure per second. @param {number | null | undefined} value */
export function rate(value) {
  if (isUnknown(value)) return UNKNOWN;
  const number = Number(value);
  return number === 0 ? '0' : number >= 1000 ? count(number) : number < 0.01 ? '<0.01' : threeDigits(number);
}

const UNITS = [[1, 'ns'], [1e3, 'µs'], [1e6, 'ms'], [1e9, 's']];

/**
 * A duration in nanoseconds as figure and unit: {figure: "84.0", unit: "ms"}.
 * @param {number | null | undefined} ns @returns {{figure: string, unit: string}}
 */
export function durationParts(ns) {
  if (isUnknown(ns)) return { figure: UNKNOWN, unit: '' };
  const value = Number(ns);
  if (value < 0) { const parts = durationParts(-value); return { figure: MINUS + parts.figure, unit: parts.unit }; }
  if (value === 0) return { figure: '0', unit: 'ms' };
  if (value >= 59.995e9) return { figure: longDuration(Math.round(value / 1e9)), unit: '' };
  const [size, unit] = /** @type {[number, string]} */ (UNITS.findLast(([least]) => value >= Number(least) * 0.9995) ?? UNITS[0]);
  return { figure: unit === 'ns' ? String(Math.round(value)) : threeDigits(value / size), unit };
}

/** @param {number} seconds from one minute on */
function longDuration(seconds) {
  const pieces = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = pieces.findIndex(([size]) => seconds >= Number(size));
  const [size, unit] = pieces[first];
  const rest = Math.floor((seconds % Number(size)) / Number(pieces[first + 1]?.[0] ?? 1));
  const head = `${Math.floor(seconds / Number(size))}${THIN}${unit}`;
  return rest && pieces[first + 1] ? `${head} ${rest}${THIN}${pieces[first + 1][1]}` : head;
}

/** @param {number | null | undefined} ns nanoseconds */
export function duration(ns) {
  const { figure, unit } = durationParts(ns);
  return unit ? `${figure}${THIN}${unit}` : figure;
}

/** @param {number | null | undefined} ms milliseconds */
export const milliseconds = (ms) => duration(isUnknown(ms) ? null : Number(ms) * 1e6);

/** A duration on an axis: zeros behind the point say nothing there. @param {number | null | undefined} ns */
export const axisDuration = (ns) => (ns === 0 ? '0' : duration(ns).replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, ''));

/** A share of one as a percentage; never rounded up to 100. @param {number | null | undefined} ratio */
export function percentFigure(ratio) {
  if (isUnknown(ratio)) return UNKNOWN;
  const value = Number(ratio) * 100;
  if (value === 0 || value === 100) return String(value);
  if (value > 0 && value < 0.01) return '<0.01';
  if (Math.abs(value) >= 999.5) return whole(value);
  const places = Math.abs(value) < 9.995 ? 2 : 1;
  const shown = value > 99 && value < 100 ? Math.floor(value * 10) / 10 : value;
  return signed(shown.toFixed(places));
}

/** @param {number | null | undefined} ratio */
export const percent = (ratio) => (isUnknown(ratio) ? UNKNOWN : `${percentFigure(ratio)}${THIN}%`);

/** "1 call", "2 calls". @param {number} n @param {string} word @param {string} [many] */
export const plural = (n, word, many = `${word}s`) => `${whole(n)} ${n === 1 ? word : many}`;

/** @type {Map<object, Map<string, Intl.DateTimeFormat>>} */
const formatters = new Map();

/** @param {Intl.DateTimeFormatOptions} options one of those below: kept by what it is @param {string} [zone] */
function formatter(options, zone = '') {
  let zones = formatters.get(options);
  if (!zones) formatters.set(options, (zones = new Map()));
  let found = zones.get(zone);
  if (!found) zones.set(zone, (found = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone || undefined, hourCycle: 'h23' })));
  return found;
}

const MINUTE = /** @type {const} */ ({ hour: '2-digit', minute: '2-digit' });
const CLOCK = /** @type {const} */ ({ ...MINUTE, second: '2-digit' });
const DAY = /** @type {const} */ ({ day: 'numeric', month: 'short' });
const SHORT = /** @type {const} */ ({ ...DAY, ...MINUTE });
const ABSOLUTE = /** @type {const} */ ({ ...DAY, year: 'numeric', ...CLOCK, timeZoneName: 'short' });

/** "09:41:07". @param {number | null | undefined} ms @param {string} [zone] */
export const clock = (ms, zone) => (isUnknown(ms) ? UNKNOWN : formatter(CLOCK, zone).format(Number(ms)));

/** "09:41". @param {number} ms @param {string} [zone] */
export const minute = (ms, zone) => formatter(MINUTE, zone).format(ms);

/** "21 Nov". @param {number} ms @param {string} [zone] */
export const day = (ms, zone) => formatter(DAY, zone).format(ms);

/** "21 Nov 2026, 09:41:07 UTC": with the zone, for titles. @param {number | null | undefined} ms @param {string} [zone] */
export const absolute = (ms, zone) =>
  isUnknown(ms) ? UNKNOWN : formatter(ABSOLUTE, zone).format(Number(ms));

/** "21 Nov, 09:41". @param {number | null | undefined} ms @param {string} [zone] */
export const shortDateTime = (ms, zone) =>
  isUnknown(ms) ? UNKNOWN : formatter(SHORT, zone).format(Number(ms));

/** "12 s ago", "in 58 min", from a day on the date. @param {number | null | undefined} ms @param {number} nowMs @param {string} [zone] */
export function ago(ms, nowMs, zone) {
  if (isUnknown(ms)) return UNKNOWN;
  const seconds = Math.round((nowMs - Number(ms)) / 1000);
  const size = Math.abs(seconds);
  if (size < 1) return 'now';
  if (size >= 86400) return shortDateTime(ms, zone);
  const text = size < 60 ? `${size}${THIN}s` : size < 3600 ? `${Math.floor(size / 60)}${THIN}min` : `${Math.floor(size / 3600)}${THIN}h`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** Milliseconds of an RFC 3339 text; nanoseconds are cut. @param {string | null | undefined} text */
export function instant(text) {
  if (!text) return null;
  const ms = Date.parse(String(text).replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(ms) ? null : ms;
}

/** An amount divided by a count, times a thousand: exact to 12 places. @param {unknown} amount @param {number | null | undefined} calls */
export function perThousand(amount, calls) {
  const decimal = isUnknown(amount) || !calls ? null : parseDecimal(amount);
  if (!decimal) return null;
  const scaled = (decimal.units * 10n ** 15n) / (BigInt(calls) * 10n ** BigInt(decimal.scale));
  const digits = scaled.toString().padStart(13, '0');
  return `${decimal.negative ? '-' : ''}${digits.slice(0, -12)}.${digits.slice(-12)}`;
}
