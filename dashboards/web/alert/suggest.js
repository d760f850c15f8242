// @ts-check
/**
 * Which rules may be worth having, or having otherwise, and what replaying the past says of each. Pure.
 *
 * Given: the rules, how often each fired and was useful, the metrics that were sent. Gives: candidates, each with what is to be replayed;
 * with its replay, a sentence and a rank. Never: a candidate that nothing is known of, offered as a good one.
 */
import { plural } from '../format.js';

/** @typedef {{kind: 'on' | 'limit' | 'new', title: string, why: string, rule: any, body: any, replay: any}} Candidate body: what is sent to the server when it is used */

const MOST = 12;
const NOISY = 5; // alerts in 30 days, of which no more than half were useful
const AWAY = [1.25, 1.5, 2, 3, 5];
const DAYS = 7;
const ENOUGH_MS = 36e5;
const LONG_MIN = 480; // of a week

/** Kinds whose past can be read from rollups in a moment. */
const QUICK = ['threshold', 'ratio', 'change', 'anomaly', 'absence'];

/** @param {any} rule */
const isAbove = (rule) => rule.operator === '>' || rule.operator === '>=';

/** Limits that are further away than a rule's own, at most five. @param {any} rule @returns {number[]} */
export function furtherLimits(rule) {
  const now = Number(rule.threshold);
  if (rule.kind !== 'threshold' || !['>', '>=', '<', '<='].includes(rule.operator) || !(now > 0)) return [];
  const each = AWAY.map((by) => Number((isAbove(rule) ? now * by : now / by).toPrecision(2)));
  const within = rule.unit === '1' ? each.filter((one) => one < 1) : each;
  return [...new Set(within)].filter((one) => one !== now);
}

/** @param {any[]} rules @param {any[]} precision @param {any[]} metrics @returns {Candidate[]} */
export function candidates(rules, precision, metrics) {
  const fired = new Map(precision.map((one) => [one.rule_id, one]));
  const noisy = rules.filter((rule) => {
    const told = fired.get(rule.id);
    return rule.enabled && told && told.fired >= NOISY && (told.precision === null || told.precision <= 0.5) && furtherLimits(rule).length;
  }).map((rule) => {
    const told = fired.get(rule.id);
    const judged = told.judged ? `${told.useful} of ${plural(told.judged, 'alert')} that somebody judged had to be known` : 'nobody has said that any was useful';
    return { kind: /** @type {const} */ ('limit'), title: rule.name, why: `It fired ${plural(told.fired, 'time')} in 30 days; ${judged}.`, rule, body: null, replay: { rule: rule.id, thresholds: furtherLimits(rule) } };
  });
  const off = rules.filter((rule) => !rule.enabled && QUICK.includes(rule.kind)).map((rule) => ({ kind: /** @type {const} */ ('on'), title: rule.name, why: rule.annotations?.description ?? rule.description ?? 'It is there, and off.', rule, body: null, replay: { rule: rule.id } }));
  const watched = new Set(rules.filter((rule) => rule.enabled).flatMap((rule) => [rule.metric, rule.divided_by]));
  const sent = metrics.filter((one) => one.meaning === 'a metric that was sent' && !watched.has(one.name)).map((one) => {
    const body = { name: `Unusual ${one.name}`.slice(0, 200), kind: 'anomaly', metric: one.name, threshold: 4, direction: 'both', severity: 'warning' };
    return { kind: /** @type {const} */ ('new'), title: body.name, why: 'It is sent, and no rule watches it.', rule: { ...body, unit: one.unit }, body, replay: { rule: body } };
  });
  return [...noisy, ...off, ...sent].slice(0, MOST);
}

/** The first limit at which it would have fired once a week at most, and less than now. @param {any} replay */
export const calmer = (replay) => (replay.compared ?? []).find((/** @type {any} */ one) => one.fired <= 1 && one.fired < replay.fired) ?? null;

/** Whether it would have told more than daily, or gone on for hours. @param {any} replay */
export const isNoisy = (replay) => replay.fired > DAYS || replay.firing_minutes > LONG_MIN;

/** For how long it could be judged, in ms: nights without calls take nothing from the days. @param {any} replay */
const knownFor = (replay) => (replay.unknown_share === null ? 0 : (1 - replay.unknown_share) * (Date.parse(replay.to) - Date.parse(replay.from)));

/** Whether the past says that it is worth having; the rank, lower first, null where it is not. @param {Candidate} one @param {any} replay @returns {number | null} */
export function rank(one, replay) {
  if (one.kind === 'limit') return calmer(replay) ? 0 : null;
  if (knownFor(replay) < ENOUGH_MS) return null;
  return isNoisy(replay) ? null : replay.fired ? 1 : 2;
}

/** What became of those that are not offered. @param {{noisy: number, unknown: number}} left */
export function leftOut({ noisy, unknown }) {
  const each = [noisy ? `${plural(noisy, 'other')} would have fired more than daily, or for hours` : '', unknown ? `of ${plural(unknown, 'other')} too little is known` : ''].filter(Boolean);
  const text = each.join('; ');
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : '';
}
