// @ts-check
/**
 * What is said of prices and of runs that price lines anew, and what their forms send. Pure.
 *
 * Given: prices and runs as the server tells them, amounts as text. Gives: words, and bodies of requests.
 * Never: an amount through a float, or a difference of a sum that nobody knows.
 */
import { UNKNOWN, exactMoney, instant, isUnknown, money, plural, shortDateTime, whole } from '../format.js';

/** Units by their names in price files: what is counted, and how many of it make one. @type {Record<string, [string, string]>} */
const UNITS = {
  input_mtok: ['Input', 'M tokens'], output_mtok: ['Output', 'M tokens'], cache_read_mtok: ['Cached input', 'M tokens'], cache_write_mtok: ['Cache write', 'M tokens'],
  cache_write_5m_mtok: ['Cache write, 5 min', 'M tokens'], cache_write_1h_mtok: ['Cache write, 1 h', 'M tokens'], output_reasoning_mtok: ['Reasoning', 'M tokens'],
  input_audio_mtok: ['Audio in', 'M tokens'], output_audio_mtok: ['Audio out', 'M tokens'], cache_audio_read_mtok: ['Cached audio', 'M tokens'],
  audio_seconds: ['Audio', 's'], audio_minutes: ['Audio', 'min'], audio_hours: ['Audio', 'h'], characters: ['Text', 'character'], kchars: ['Text', '1k characters'], input_mchars: ['Text', 'M characters'],
  requests: ['Requests', 'request'], requests_kcount: ['Requests', '1k requests'], web_searches: ['Web searches', 'search'], web_searches_kcount: ['Web searches', '1k searches'],
};
/** Ends of other units. @type {[RegExp, string][]} */
const ENDS = [[/_mtok$/, 'M tokens'], [/_kcount$/, '1k'], [/_kpages$/, '1k pages'], [/_hours$/, 'h'], [/_minutes$/, 'min'], [/_seconds$/, 's'], [/_mchars$/, 'M characters']];

/** The calls that the page looks at when nobody says. */
export const RANGE = 'now-30d';

/** Units of the columns of the book. */
export const COLUMNS = ['input_mtok', 'output_mtok', 'cache_read_mtok'];
export const CHOICES = Object.keys(UNITS);

/** What is counted, and how many make one: ["Input", "M tokens"]. @param {string} unit @returns {[string, string]} */
export function unitWords(unit) {
  if (Object.hasOwn(UNITS, unit)) return UNITS[unit];
  const end = ENDS.find(([pattern]) => pattern.test(unit));
  const name = (end ? unit.replace(end[0], '') : unit).replaceAll('_', ' ');
  return [name[0].toUpperCase() + name.slice(1), end ? end[1] : 'one'];
}

/** A rate with every digit, and cents where they are whole: "$0.25", "$0.125", "$15.00". @param {unknown} rate */
export function rateMoney(rate) {
  const [whole, fraction = ''] = exactMoney(rate).split('.');
  return isUnknown(rate) ? UNKNOWN : `${whole}.${fraction.padEnd(2, '0')}`;
}

/** "Input $1.25 / M tokens". @param {string} unit @param {unknown} rate */
export const rateWords = (unit, rate) => `${unitWords(unit)[0]} ${rateMoney(rate)} / ${unitWords(unit)[1]}`;

/** Rates beside those of the columns, as one text. @param {Record<string, unknown> | null} rates */
export const otherRates = (rates) => Object.entries(rates ?? {}).filter(([unit]) => !COLUMNS.includes(unit)).map(([unit, rate]) => rateWords(unit, rate)).join(', ');

/** Where a price is from: "set here", a file's name, or the published list. @param {string | null} source */
export function sourceWords(source) {
  if (!source) return UNKNOWN;
  if (source === 'override:server') return 'set here';
  return source.startsWith('override:') ? source.slice('override:'.length) : source;
}

/** When a price holds. @param {{valid_from: string | null, valid_to: string | null}} price @param {string} zone */
export function stretchWords(price, zone) {
  const [from, to] = [price.valid_from, price.valid_to].map((text) => (text ? shortDateTime(instant(text), zone) : null));
  if (from && to) return `${from} – ${to}`;
  if (from) return `from ${from}`;
  return to ? `until ${to}` : 'always';
}

/** The key of a model in the address, and back; a provider's name has no slash. @param {{provider: string, model: string}} price */
export const keyOf = (price) => `${price.provider}/${price.model}`;

/**
 * What a form sends to set a price: rates as the text that was typed, nothing for what was left empty.
 * @param {FormData | Map<string, string>} fields @param {string[]} units those that the form shows
 */
export function priceBody(fields, units) {
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const rates = Object.fromEntries(units.map((unit) => [unit, text(`rates.${unit}`).replace(/^\$\s*/, '')]).filter(([, rate]) => rate));
  const start = { beginning: null, now: 'now', moment: text('valid_from') }[text('start')] ?? null;
  return {
    provider: text('provider'), [text('match') === 'prefix' ? 'model_prefix' : 'model']: text('model'), rates, valid_from: start, valid_to: text('valid_to') || null,
    ...(fields.get('batch') === 'on' ? { batch: true } : {}), ...(fields.get('estimated') === 'on' ? { estimated: true } : {}),
    ...(text('service_tier') ? { service_tier: text('service_tier') } : {}), ...(text('source') ? { source: text('source') } : {}),
  };
}

/** What is wrong with such a body before it is sent, by field. @param {ReturnType<typeof priceBody>} body @returns {Record<string, string>} */
export function priceMistakes(body) {
  /** @type {Record<string, string>} */
  const wrong = {};
  if (!body.provider) wrong.provider = 'Say whose model it is, such as openai';
  if (!body.model && !body.model_prefix) wrong.model = 'Say which model';
  if (body.valid_from === '') wrong.valid_from = 'A moment such as 2026-12-01T00:00:00Z';
  if (!Object.keys(body.rates).length) wrong[''] = 'At least one rate is needed.';
  return wrong;
}

/** What was used by calls without a price: "108k tokens in, 8.40k out". @param {any} row @param {(n: number) => string} count */
export function usedWords(row, count) {
  const parts = [];
  if (!isUnknown(row.input_tokens) || !isUnknown(row.output_tokens)) parts.push(`${isUnknown(row.input_tokens) ? UNKNOWN : count(Number(row.input_tokens))} / ${isUnknown(row.output_tokens) ? UNKNOWN : count(Number(row.output_tokens))} tokens`);
  if (Number(row.audio_seconds)) parts.push(`${count(Number(row.audio_seconds))} s of audio`);
  if (Number(row.characters)) parts.push(`${count(Number(row.characters))} characters`);
  return parts.join(', ') || 'nothing counted';
}

/** A sum as a run tells it: unknown where no line of it has a price. @param {unknown} amount */
export const sumWords = (amount) => (isUnknown(amount) ? 'no price' : money(amount));

/** "+$2.20", "−$22.29", "no difference". @param {unknown} amount */
export function differenceWords(amount) {
  if (isUnknown(amount)) return UNKNOWN;
  const text = money(amount);
  if (Number(amount) === 0) return 'no difference';
  return text.startsWith('\u2212') || text.startsWith('-') ? text : `+${text}`;
}

/** What a run does to the lines, in a sentence. @param {any} run */
export function runWords(run) {
  const verb = run.apply ? (run.state === 'running' ? 'are being corrected' : run.changed === 1 ? 'was corrected' : 'were corrected') : 'would change';
  const more = [run.newly_priced ? `${whole(run.newly_priced)} ${run.apply ? 'got' : 'get'} a price` : '', run.newly_unpriced ? `${whole(run.newly_unpriced)} lose theirs` : '', run.unpriced ? `${whole(run.unpriced)} stay without one` : ''].filter(Boolean);
  const whatOf = run.done < run.lines && run.state === 'running' ? `${whole(run.done)} of ${plural(run.lines, 'line')} looked at` : plural(run.lines, 'line');
  return `${whole(run.changed)} of ${whatOf} ${verb}${more.length ? `: ${more.join(', ')}` : ''}.`;
}
