// @ts-check
/**
 * What is measured of audio, in words: names, values with their units, reasons. Pure.
 *
 * Given: a measure's name and a value. Gives: texts. Never: a value without its unit, or a word for what is not known.
 */
import { UNKNOWN, axisDuration, count, duration, isUnknown, percent, threeDigits, whole } from '../format.js';

const THIN = '\u202f';
const MINUS = '\u2212';

/** Name, and how a value is spelled: score, ratio, factor, or a unit. @type {Record<string, [string, string]>} */
const MEASURES = {
  real_time_factor: ['Real-time factor', 'score'], speed_factor: ['Speed', 'factor'], took_s: ['Time taken', 's'], duration_s: ['Length', 's'], sample_rate_hz: ['Sample rate', 'Hz'],
  pesq: ['PESQ', 'score'], stoi: ['STOI', 'score'], estoi: ['ESTOI', 'score'], snr_db: ['SNR', 'dB'], si_sdr_db: ['SI-SDR', 'dB'], quality_index: ['Quality index', 'score'],
  dnsmos: ['DNSMOS', 'score'], quality_index_no_reference: ['Index without reference', 'score'], loudness_lufs: ['Loudness', 'LUFS'], clipped_ratio: ['Clipping', 'ratio'], zero_frame_ratio: ['Gaps', 'ratio'],
  bandwidth_hz: ['Bandwidth', 'Hz'], silence_ratio: ['Silence', 'ratio'], speech_ratio: ['Speech', 'ratio'], word_error_rate: ['Word error rate', 'ratio'],
};
export const METRICS = Object.keys(MEASURES);
export const GROUPED = [['Speed', ['real_time_factor', 'speed_factor', 'took_s', 'duration_s', 'sample_rate_hz']], ['Against a reference', ['pesq', 'stoi', 'estoi', 'snr_db', 'si_sdr_db', 'quality_index']], ['On its own', ['dnsmos', 'quality_index_no_reference', 'loudness_lufs', 'clipped_ratio', 'zero_frame_ratio', 'bandwidth_hz', 'silence_ratio', 'speech_ratio']], ['Words', ['word_error_rate']]];
export const GROUPS = { stage: 'Stage', service: 'Service', name: 'Span', format: 'Format', source: 'Source', feature: 'Feature', tenant: 'Tenant', user_tier: 'User tier' };
export const CALL_GROUPS = { model: 'Model', provider: 'Provider', operation: 'Operation', service: 'Service', feature: 'Feature', tenant: 'Tenant', user_tier: 'User tier' };
const PROBLEMS = /** @type {Record<string, string>} */ ({ clipping: 'Clipping', gaps: 'Gaps', low_bandwidth: 'Low bandwidth', low_rate: 'Low sample rate', too_quiet: 'Too quiet', mostly_silent: 'Mostly silent', no_speech: 'No speech', poor_sound: 'Poor sound', misheard: 'Misheard', too_slow: 'Too slow' });
const ATTRIBUTES = /** @type {Record<string, string>} */ ({ sample_rate_hz: 'sample rate', duration: 'length', user_tier: 'user tier', name: 'span' });
const REASONS = /** @type {Record<string, string>} */ ({ over_budget: 'the computing limit was reached', not_sampled: 'not part of the sample', too_short: 'too short', not_installed: 'not installed', busy: 'too much at once', silent: 'silent', too_quiet: 'too quiet', no_speech: 'no speech in it', timed_out: 'took too long', unknown_layout: 'unknown channel layout', bad_sample_rate: 'impossible sample rate', bad_header: 'its header cannot be true', truncated: 'cut off', empty: 'empty', non_finite: 'not finite', unequal_lengths: 'not as long as its reference', silent_reference: 'silent reference', too_little_speech: 'too little speech', unknown_format: 'unknown format', no_sample_rate: 'no sample rate given' });

/** @param {string} metric */
export const nameOf = (metric) => MEASURES[metric]?.[0] ?? metric.replaceAll('_', ' ');

/** @param {string} problem */
export const problemName = (problem) => PROBLEMS[problem] ?? problem.replaceAll('_', ' ');

/** @param {string} attribute */
export const attributeName = (attribute) => ATTRIBUTES[attribute] ?? attribute;

/** @param {string} reason */
export const reasonName = (reason) => REASONS[reason] ?? reason.replaceAll('_', ' ');

/** @param {string} what of a reason: a measure, or all of a kind */
export const whatName = (what) => (what === 'features' ? 'Everything measured alone' : what === 'quality' ? 'Everything against a reference' : nameOf(what));

/** A value with its unit. @param {string} metric @param {number | null | undefined} value */
export function say(metric, value) {
  if (isUnknown(value)) return UNKNOWN;
  const number = Number(value);
  const kind = MEASURES[metric]?.[1] ?? 'score';
  if (kind === 'ratio') return percent(number);
  if (kind === 's') return duration(number * 1e9);
  if (kind === 'Hz') return number >= 1000 ? `${threeDigits(number / 1000)}${THIN}kHz` : `${whole(number)}${THIN}Hz`;
  const text = figure(number);
  return kind === 'factor' ? `${text}×` : kind === 'score' ? text : `${text}${THIN}${kind}`;
}

/** Three digits, also of what is small. @param {number} number */
function figure(number) {
  const size = Math.abs(number);
  if (size >= 1000) return count(number);
  const text = size > 0 && size < 0.1 ? String(Number(number.toPrecision(3))) : threeDigits(number);
  return /e/.test(text) ? 'under 0.000001' : text.replace(/^-/, MINUS);
}

/** On an axis. @param {string} metric @param {number} value */
export function onAxis(metric, value) {
  const kind = MEASURES[metric]?.[1] ?? 'score';
  if (kind === 's') return axisDuration(value * 1e9);
  if (kind === 'ratio') return percent(value).replace(/\.0+(?=\D)/, '');
  const text = String(Number(value.toPrecision(4))).replace(/^-/, MINUS);
  return Math.abs(value) >= 1000 ? count(value).replace(/\.0+(?=\D|$)/, '').replace(/(\.\d*[1-9])0+/, '$1') : kind === 'factor' ? `${text}×` : text;
}

/** The stretch of a bar. @param {string} metric @param {{at_least: number | null, below: number | null}} bin */
export function stretch(metric, { at_least: low, below }) {
  if (low === null) return below === null ? 'any' : `under ${say(metric, below)}`;
  return below === null ? `${say(metric, low)} and more` : `${say(metric, low)} to ${say(metric, below)}`;
}

/** Of how many a measure is known: "on 62 % of 1,204", or that it was not. @param {any} one */
export function measuredOf(one) {
  if (!one?.of) return 'nothing to measure';
  if (!one.measured) return `not measured (0 of ${whole(one.of)})`;
  return one.measured === one.of ? `all ${whole(one.of)}` : `on ${percent(one.coverage)} of ${whole(one.of)}`;
}

/** How a figure changed, and whether that is good; null where nothing can be said. @param {string | null} better @param {number | null} now @param {number | null} before @returns {{text: string, tone: string, icon: string, word: string} | null} */
export function changeOf(better, now, before) {
  if (isUnknown(now) || isUnknown(before) || !before) return null;
  const by = (Number(now) - Number(before)) / Math.abs(Number(before));
  if (Math.abs(by) < 0.005) return { text: 'as before', tone: 'unk', icon: 'dash', word: '' };
  const good = better === null ? null : (by > 0) === (better === 'more');
  const noteworthy = good !== null && Math.abs(by) >= 0.05;
  return { text: `${by > 0 ? '+' : MINUS}${percent(Math.abs(by))}`, tone: noteworthy ? (good ? 'ok' : 'warn') : 'unk', icon: noteworthy ? (good ? 'tick' : 'triangle') : 'dash', word: noteworthy ? (good ? 'better' : 'worse') : '' };
}
