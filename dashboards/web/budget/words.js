// @ts-check
/**
 * What is said of budgets: states, what they are about, forecasts, what a version changed, and what a form sends. Pure.
 *
 * Given: budgets as the server tells them. Gives: looks, sentences, bodies. Never: a good look for a budget with calls that nobody can price.
 */
import { KEYS, formatFilter } from '../filters.js';
import { isUnknown, money, moneyLength, plural } from '../format.js';
import { isExceeded, stateLook, worstFirst } from './looks.js';

export { forecastWords } from './ahead.js';
export { isExceeded, stateLook, worstFirst };

export const DIMENSIONS = ['provider', 'model', 'service', 'feature', 'user_tier', 'user_id', 'session_id', 'tenant'];
export const PERIODS = /** @type {Record<string, string>} */ ({ daily: 'Day', weekly: 'Week', monthly: 'Month' });
const ROLLING = /** @type {Record<string, string>} */ ({ daily: 'last day', weekly: 'last 7 days', monthly: 'last 30 days' });
/** "model gpt-5, tier free", or everything. @param {any} budget */
export function scopeWords(budget) {
  const only = DIMENSIONS.filter((name) => !isUnknown(budget[name])).map((name) => `${KEYS[/** @type {keyof typeof KEYS} */ (name)].toLowerCase()} ${budget[name]}`);
  return only.length ? only.join(', ') : 'everything';
}

/** @param {any} budget */
export const periodWords = (budget) => (budget.window === 'rolling' ? ROLLING[budget.period] ?? budget.period : `${budget.period}${budget.timezone ? `, ${budget.timezone}` : ''}`);

/** The filters of exactly the calls that count. @param {any} budget */
export const scopeFilters = (budget) => DIMENSIONS.filter((name) => !isUnknown(budget[name])).map((name) => formatFilter({ key: name, op: ':', value: budget[name], negated: false }));

/** The threshold marks of its bar, in USD as lengths. @param {any} status */
export function marksOf(status) {
  const limit = Number(moneyLength(status.limit_amount));
  return status.thresholds.filter((/** @type {any} */ one) => one.enabled && one.kind === 'spent' && one.percent < 100)
    .map((/** @type {any} */ one) => ({ at: (limit * one.percent) / 100, reached: one.reached, label: `${one.percent} %` }));
}

/** The thresholds that are reached, in words. @param {any} status */
export const reachedWords = (status) => status.thresholds.filter((/** @type {any} */ one) => one.enabled && one.reached).map((/** @type {any} */ one) => `${one.percent} %${one.kind === 'forecast' ? ' by the forecast' : ''}`).join(', ');

/** The sentence over all budgets, worst first. @param {any[]} budgets those in use */
export function standing(budgets) {
  const looks = budgets.map((budget) => stateLook(budget.status));
  const many = (/** @type {string} */ word) => looks.filter((look) => look.word === word).length;
  const [over, will, degraded] = ['Over budget', 'Will exceed', 'Degraded'].map(many);
  const watched = looks.filter((look) => look.word !== 'Not watched').length;
  const rest = [over && will ? `${will} will be exceeded on this pace` : '', (over || will) && degraded ? `${degraded} with calls that have no known price` : '', looks.length - watched ? `${looks.length - watched} not watched` : ''].filter(Boolean).join(' · ');
  const of = (/** @type {number} */ n) => `${n} of ${plural(watched, 'budget')}`;
  if (over) return { tone: 'crit', icon: 'octagon', title: `${of(over)} ${over === 1 ? 'is' : 'are'} used up`, text: rest };
  if (will) return { tone: 'warn', icon: 'triangle', title: `${of(will)} will be exceeded on this pace`, text: rest };
  if (degraded) return { tone: 'warn', icon: 'triangle', title: `${of(degraded)} ${degraded === 1 ? 'has' : 'have'} calls without a known price`, text: rest };
  if (!watched || looks.some((look) => look.tone === 'unk' && look.word !== 'Not watched')) return { tone: 'unk', icon: 'question', title: watched ? 'Not every budget can be judged' : 'No budget is watched', text: rest };
  return { tone: 'ok', icon: 'tick', title: watched === 1 ? 'The budget holds' : `All ${watched} budgets hold`, text: rest };
}

const TOLD = /** @type {Record<string, string>} */ ({
  name: 'name', description: 'description', period: 'period', window: 'window', timezone: 'time zone', limit_amount: 'limit', alert_at_50_percent: 'word at 50 %', alert_at_80_percent: 'word at 80 %', alert_at_95_percent: 'word at 95 %',
  alert_at_exceeded: 'word when exceeded', forecast_percent: 'forecast threshold', rollover_limit: 'carried over at most', enabled: 'watched', ...Object.fromEntries(DIMENSIONS.map((name) => [name, KEYS[/** @type {keyof typeof KEYS} */ (name)].toLowerCase()])),
});

/** What a version made different: "limit $40.00 → $60.00". @param {any} after @param {any | undefined} before @returns {string[]} */
export function changesOf(after, before) {
  if (!before) return [`Made with a limit of ${money(after.limit_amount)} for ${scopeWords(after)}`];
  if (after.archived_at) return ['Archived'];
  const spell = (/** @type {string} */ key, /** @type {any} */ value) => (isUnknown(value) ? 'none' : value === true ? 'yes' : value === false ? 'no' : /_(amount|limit)$/.test(key) ? money(value) : String(value));
  return Object.keys(TOLD).filter((key) => after[key] !== before[key]).map((key) => `${TOLD[key]} ${spell(key, before[key])} → ${spell(key, after[key])}`);
}

/**
 * What a form sends: amounts as the text that was typed, nothing for what was left empty.
 * @param {FormData | Map<string, string>} fields @param {number | null} version the one that was seen; null for a new budget
 */
export function bodyOf(fields, version) {
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const orNull = (/** @type {string} */ name) => text(name) || null;
  const body = {
    name: text('name'), description: orNull('description'), period: text('period'), window: text('window'), timezone: orNull('timezone'), limit_amount: text('limit_amount'),
    ...Object.fromEntries(DIMENSIONS.map((name) => [name, orNull(name)])), ...Object.fromEntries(FLAGS.map(([name]) => [name, fields.get(name) === 'on'])),
    forecast_percent: orNull('forecast_percent'), rollover_limit: orNull('rollover_limit'), enabled: fields.get('enabled') === 'on',
  };
  return version === null ? body : { ...body, version };
}

/** The thresholds of what was spent, with their defaults in a new budget. @type {[string, string, boolean][]} */
export const FLAGS = [['alert_at_50_percent', '50 %', false], ['alert_at_80_percent', '80 %', true], ['alert_at_95_percent', '95 %', true], ['alert_at_exceeded', 'exceeded', true]];
