// @ts-check
/**
 * How an objective is judged beyond what it counts, as rows: slices, groups, pairs of windows, the parts of a composite. Pure.
 *
 * Given: a member of a definition as JSON. Gives: its rows, and JSON of rows. Never: rows for a member that they would not give back as it was.
 */
import { shifted } from './form.js';

/** @typedef {{window: string, by: 'target' | 'events', value: string}} Slice */
/** @typedef {{by: string, most: string}} Groups */
/** @typedef {{severity: string, percent: string, long: string, short: string}} Pair */
/** @typedef {{slo: string, weight: string}} Part */

/** By what an objective of a kind may have groups. @type {Record<string, Record<string, string>>} */
export const GROUPED = {
  span: { route: 'route', tenant: 'tenant', model: 'model', name: 'span name', feature: 'feature', user_tier: 'user tier', provider: 'provider', service: 'service' },
  ledger: { model: 'model', tenant: 'tenant', feature: 'feature', service: 'service', provider: 'provider', operation: 'operation', user_tier: 'user tier' },
  metric: { service: 'service' }, composite: {},
};
export const SLICE = { window: '1m', target: 0.95 };
/** The pairs of the SRE workbook, to begin one's own with. @type {Pair[]} */
export const WORKBOOK = [['page', '2', '1h', '5m'], ['page', '5', '6h', '30m'], ['ticket', '10', '1d', '2h'], ['ticket', '10', '3d', '6h']].map(([severity, percent, long, short]) => ({ severity, percent, long, short }));

/** @param {any} given @param {string[]} members */
const isOf = (given, members) => given !== null && typeof given === 'object' && !Array.isArray(given) && Object.keys(given).every((key) => members.includes(key));
const isText = (/** @type {any} */ one) => one === undefined || typeof one === 'string';
const isNumber = (/** @type {any} */ one) => one === undefined || (typeof one === 'number' && Number.isFinite(one));
/** What was typed as a number; what is none stays as it is, for the server to refuse. @param {string} text */
const number = (text) => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text.trim());

/** @param {any} given @returns {Slice | null} */
export function sliceRows(given) {
  const whole = given ?? SLICE;
  if (!isOf(whole, ['window', 'target', 'events']) || !isText(whole.window) || !isNumber(whole.events) || !(isNumber(whole.target) || typeof whole.target === 'string') || (whole.events !== undefined && whole.target !== undefined)) return null;
  const events = whole.events !== undefined;
  return { window: whole.window ?? '1m', by: events ? 'events' : 'target', value: events ? String(whole.events) : whole.target === undefined ? '' : shifted(whole.target, 2) };
}

/** @param {Slice} rows @param {string} method */
export function sliceOf({ window, by, value }, method) {
  if (method === 'ratio_timeslices') return { window: window.trim() };
  return { window: window.trim(), ...(by === 'events' ? { events: number(value) } : { target: number(shifted(value.trim(), -2)) }) };
}

/** @param {any} given @returns {Groups | null} */
export function groupsRows(given) {
  if (given === null || given === undefined) return { by: '', most: '' };
  return isOf(given, ['by', 'most']) && typeof given.by === 'string' && isNumber(given.most) ? { by: given.by, most: given.most === undefined ? '' : String(given.most) } : null;
}

/** @param {Groups} rows */
export const groupsOf = ({ by, most }) => (by ? { by, ...(most.trim() ? { most: number(most) } : {}) } : null);

/** @param {any} given @returns {Pair[] | 'usual' | null} */
export function pairsRows(given) {
  if (given === null || given === undefined) return 'usual';
  if (!Array.isArray(given) || !given.every((one) => isOf(one, ['severity', 'budget_percent', 'long', 'short']) && ['page', 'ticket'].includes(one.severity) && isNumber(one.budget_percent) && isText(one.long) && isText(one.short))) return null;
  return given.map((one) => ({ severity: one.severity, percent: one.budget_percent === undefined ? '' : String(one.budget_percent), long: one.long ?? '', short: one.short ?? '' }));
}

/** @param {Pair[] | 'usual'} rows */
export const pairsOf = (rows) => (rows === 'usual' ? null : rows.map(({ severity, percent, long, short }) => ({ severity, budget_percent: number(percent), long: long.trim(), short: short.trim() })));

/** The parts of an indicator that is a composite. @param {any} given @returns {Part[] | null} */
export function partsRows(given) {
  if (!isOf(given, ['kind', 'parts']) || given.kind !== 'composite' || !Array.isArray(given.parts)) return null;
  return given.parts.every((/** @type {any} */ one) => isOf(one, ['slo', 'weight']) && isText(one.slo) && isNumber(one.weight)) ? given.parts.map((/** @type {any} */ one) => ({ slo: one.slo ?? '', weight: one.weight === undefined ? '' : String(one.weight) })) : null;
}

/** @param {Part[]} rows */
export const partsOf = (rows) => ({ kind: 'composite', parts: rows.map(({ slo, weight }) => ({ slo: slo.trim(), ...(weight.trim() ? { weight: number(weight) } : {}) })) });

/** Each part with its share of all weights: "2/3 of chat-fast and 1/3 of chat-up" as percentages. @param {Part[]} rows */
export function partsWords(rows) {
  const weights = rows.map((row) => Number(row.weight.trim() || '1'));
  const sum = weights.reduce((all, one) => all + one, 0);
  const share = (/** @type {number} */ one) => (sum > 0 && one > 0 ? `${Math.round((one / sum) * 1000) / 10} % of ` : '');
  return rows.length ? `Good: ${rows.map((row, at) => `${share(weights[at])}${row.slo.trim() || '…'}`).join(', ')}; by weight, whatever each counts.` : 'Of which objectives? Add the first one.';
}

const WORDS = /** @type {Record<string, string>} */ ({ budget_percent: 'share of the budget', long: 'long window', short: 'short window', slo: 'objective', weight: 'weight', severity: 'severity' });

/** What the server says of a member, with the row it means: "Pair 2, long window: …". @param {string} member "alerting[1].long" @param {string} said */
export function inItsRow(member, said) {
  const found = /^(?:indicator\.)?(alerting|parts)\[(\d+)\](?:\.(\w+))?$/.exec(member);
  return found ? `${found[1] === 'parts' ? 'Part' : 'Pair'} ${Number(found[2]) + 1}${found[3] ? `, ${WORDS[found[3]] ?? found[3]}` : ''}: ${said}` : said;
}
