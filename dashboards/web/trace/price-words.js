// @ts-check
/** Units, rates and reasons of the ledger in words. Pure. Never: a code shown where a sentence is known. */
import { UNKNOWN, isUnknown, money, whole } from '../format.js';

const COUNTED = /** @type {Record<string, [string, string]>} */ ({
  input_tokens: ['Input', 'tokens'], output_tokens: ['Output', 'tokens'], cache_read_tokens: ['Cached input', 'tokens'], cache_write_tokens: ['Cache write', 'tokens'],
  cache_write_5m_tokens: ['Cache write, 5 min', 'tokens'], cache_write_1h_tokens: ['Cache write, 1 h', 'tokens'], output_reasoning_tokens: ['Reasoning', 'tokens'],
  input_audio_tokens: ['Audio in', 'tokens'], output_audio_tokens: ['Audio out', 'tokens'], cache_audio_read_tokens: ['Cached audio', 'tokens'],
  audio_seconds: ['Audio', 's'], input_audio_seconds: ['Audio', 's'], input_characters: ['Text', 'characters'], web_searches: ['Web searches', ''], requests: ['Requests', ''],
});

/** The end of a unit's name says how many of what is counted make one. @type {[RegExp, string][]} */
const PER = [[/_mtok$/, 'M'], [/_mchars$/, 'M characters'], [/^kchars$/, '1k characters'], [/_kcount$/, '1k'], [/_minutes$/, 'min'], [/_hours$/, 'h'], [/_seconds$/, 's'], [/^characters$/, 'character']];

/** What was counted, and how much of it: ["Input", "9,920 tokens"]. @param {any} part @returns {[string, string]} */
export function counted(part) {
  const [name, noun] = COUNTED[part.counted] ?? [part.counted ?? part.unit, ''];
  const amount = isUnknown(part.amount) ? UNKNOWN : Number.isInteger(Number(part.amount)) ? whole(Number(part.amount)) : String(part.amount);
  return [name, noun ? `${amount} ${noun}` : amount];
}

/** "$3.00 / M". @param {any} part */
export function rateOf(part) {
  if (isUnknown(part.rate)) return '';
  const per = PER.find(([pattern]) => pattern.test(part.unit))?.[1];
  return per ? `${money(part.rate)} / ${per}` : money(part.rate);
}

const REASONS = /** @type {Record<string, string>} */ ({
  model_unknown: 'The price book does not know this model', provider_unknown: 'The price book does not know this provider', time_out_of_range: 'The price book has no price for that day', usage_inconsistent: 'The counts contradict each other',
  usage_malformed: 'The usage could not be read', usage_estimated: 'The provider sent no usage; it was estimated', cost_out_of_range: 'The cost is outside any sensible range',
  cost_missing: 'The service reported no cost', cost_malformed: 'The reported cost could not be read', cost_negative: 'The reported cost is negative', usage_unknown: 'The usage is unknown',
});

/** The reason for a price's state as a sentence. @param {string | null | undefined} reason */
export function reasonOf(reason) {
  if (!reason) return '';
  const [, code, rest] = /^([a-z_]+)(?:: (.*))?$/s.exec(reason) ?? [];
  const sentence = code && Object.hasOwn(REASONS, code) ? REASONS[code] : null;
  return sentence ? `${sentence}${rest ? ` (${rest})` : ''}.` : reason;
}

/** The price book's name, once. @param {any} line */
export function bookOf(line) {
  const { price_source: source, price_version: version } = line;
  if (!version || !source || version.includes(source)) return version ?? source ?? '';
  return `${source} ${version}`;
}
