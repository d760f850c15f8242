// @ts-check
/**
 * What is said of alerts and rules: looks of their states, values with their units, conditions in words. Pure.
 *
 * Given: alerts and rules as the server tells them. Gives: looks, texts. Never: a value without its unit.
 */
import { UNKNOWN, duration, isUnknown } from '../format.js';
import { measure } from '../units.js';

/** @typedef {import('../status.js').Look} Look */

/** @type {Record<string, Look>} */
const SEVERITIES = {
  critical: { icon: 'octagon', word: 'Critical', tone: 'crit' },
  error: { icon: 'octagon', word: 'Error', tone: 'crit' },
  warning: { icon: 'triangle', word: 'Warning', tone: 'warn' },
  info: { icon: 'clock', word: 'Info', tone: 'info' },
};

/** @param {string | null | undefined} severity @returns {Look} */
export const severityLook = (severity) => SEVERITIES[severity ?? ''] ?? { icon: 'question', word: 'No severity', tone: 'unk' };

/** What an alert is just now, with what holds its messages back. @param {any} alert @returns {Look} */
export function stateLook(alert) {
  if (alert.state === 'resolved') return { icon: 'tick', word: 'Resolved', tone: 'ok' };
  if (alert.state === 'pending') return { icon: 'clock', word: 'Pending', tone: 'info' };
  if (alert.acknowledged) return { icon: 'clock', word: 'Acked', tone: 'info' };
  if (alert.held_back) return { icon: 'silence', word: alert.held_back.maintenance?.length ? 'Maintenance' : 'Silenced', tone: 'unk' };
  if (alert.state === 'recovering') return { icon: 'wave', word: 'Recovering', tone: 'info' };
  return { icon: 'octagon', word: 'Firing', tone: 'crit' };
}

const SIGNS = /** @type {Record<string, string>} */ ({ '>=': '≥', '<=': '≤', '==': '=', '!=': '≠' });

/** @param {string | null | undefined} operator */
export const sign = (operator) => SIGNS[operator ?? ''] ?? operator ?? '';

/** "2.41 s, limit > 2.00 s"; empty where nothing was measured. @param {any} alert */
export function measured(alert) {
  if (isUnknown(alert.current_value)) return '';
  const { say } = measure(alert.unit);
  const limit = isUnknown(alert.threshold_value) ? '' : `, limit ${sign(alert.operator)} ${say(alert.threshold_value)}`;
  return `${say(alert.current_value)}${limit}`;
}

/** Labels that tell one alert of a rule from another. @param {Record<string, string>} labels */
export const labelsOf = (labels) => Object.entries(labels ?? {}).filter(([name]) => !['alertname', 'severity'].includes(name));

const KINDS = /** @type {Record<string, string>} */ ({ budget: 'budget', forecast: 'forecast', burn_rate: 'burn rate', absence: 'nothing heard', composite: 'of other rules', anomaly: 'unusual', change: 'change', ratio: 'share', threshold: '' });

const BURNS = /** @type {Record<string, string>} */ ({ any: 'an error budget burns too fast', page: 'an error budget burns fast', ticket: 'an error budget burns slowly' });

/** A rule's condition in one line. @param {any} rule */
export function condition(rule) {
  const { say } = measure(rule.unit);
  const limit = isUnknown(rule.threshold) ? '' : rule.kind === 'anomaly' ? ` by ${rule.threshold} deviations` : ` ${sign(rule.operator)} ${say(rule.threshold)}`;
  const subject = rule.kind === 'burn_rate' ? BURNS[rule.burn] ?? KINDS.burn_rate : rule.kind === 'ratio' ? `${rule.metric} / ${rule.divided_by}` : rule.metric ?? KINDS[rule.kind] ?? rule.kind;
  const kind = rule.metric && rule.kind !== 'ratio' && KINDS[rule.kind] ? ` (${KINDS[rule.kind]})` : '';
  const lasting = rule.duration_seconds ? ` for ${duration(rule.duration_seconds * 1e9)}` : '';
  return `${subject}${kind}${rule.expression ? `: ${rule.expression}` : ''}${limit}${lasting}`;
}

/** Where a rule looks: its filters and groups. @param {any} rule */
export function scope(rule) {
  const filters = Object.entries(rule.filters ?? {}).map(([name, value]) => `${name} ${[value].flat().map((/** @type {string} */ one) => (one === '!' ? 'set' : one.replace(/^!/, 'not ') || 'not set')).join(', ')}`);
  return [...filters, ...(rule.group_by?.length ? [`by ${rule.group_by.join(', ')}`] : [])].join(' · ');
}

/** How long it lasted, or lasts. @param {number | null} from ms @param {number | null} to ms */
export const lasted = (from, to) => (from === null || to === null ? UNKNOWN : duration(Math.max(0, to - from) * 1e6));
