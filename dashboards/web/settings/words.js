// @ts-check
/** What is said of tokens, retention and changes, and what their forms send. Pure. Never: a token that looks alive when it has ended. */
import { UNKNOWN, isUnknown, plural } from '../format.js';

/** @typedef {import('../status.js').Look} Look */

/** What a role may do. @type {Record<string, string>} */
export const MAY = { ingest: 'sends telemetry', viewer: 'reads, changes nothing', admin: 'everything' };

/** @type {Record<string, Look>} */
const STATES = { works: { icon: 'tick', word: 'Works', tone: 'ok' }, expired: { icon: 'clock', word: 'Expired', tone: 'unk' }, revoked: { icon: 'dash', word: 'Revoked', tone: 'unk' } };

/** @param {{state: string}} token @returns {Look} */
export const tokenLook = (token) => (Object.hasOwn(STATES, token.state) ? STATES[token.state] : { icon: 'question', word: 'Unknown', tone: 'unk' });

/** "service checkout, tenant acme", or everything. @param {{services: string[] | null, tenants: string[] | null}} token */
export function limitWords(token) {
  const only = [token.services ? `${token.services.length === 1 ? 'service' : 'services'} ${token.services.join(', ')}` : '', token.tenants ? `${token.tenants.length === 1 ? 'tenant' : 'tenants'} ${token.tenants.join(', ')}` : ''].filter(Boolean);
  return only.join('; ') || 'everything';
}

/** What the form of a token sends; empty limits are none. @param {FormData | Map<string, string>} fields */
export function tokenBody(fields) {
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const list = (/** @type {string} */ name) => { const each = text(name).split(',').map((one) => one.trim()).filter(Boolean); return each.length ? each : null; };
  return { name: text('name'), role: text('role'), expires_at: text('expires_at') || null, services: list('services'), tenants: list('tenants') };
}

/** "7 days", "6 h", "as needed" where age alone ends nothing. @param {number | null} days */
export function keptWords(days) {
  if (isUnknown(days)) return 'as needed';
  return Number(days) >= 1 ? plural(Math.round(Number(days) * 10) / 10, 'day') : plural(Math.round(Number(days) * 24), 'hour');
}

/** "token.revoked" as words. @param {string} action */
export const actionWords = (action) => action.replaceAll(/[._]/g, ' ');

/** What a change made different, as "name: before → after"; at most a few. @param {string | null} detail JSON @returns {string[]} */
export function detailWords(detail) {
  if (!detail) return [];
  let told;
  try { told = JSON.parse(detail); } catch { return [detail]; }
  if (!told || typeof told !== 'object') return [String(told)];
  const { before, after } = told;
  if (!('before' in told) && !('after' in told)) return flat(told);
  if (!before || !after) return flat(after ?? before ?? {});
  return Object.keys({ ...before, ...after }).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key])).map((key) => `${key}: ${spell(before[key])} → ${spell(after[key])}`);
}

/** @param {Record<string, unknown>} values */
const flat = (values) => Object.entries(values).filter(([, value]) => !isUnknown(value) && value !== false && value !== '' && !(Array.isArray(value) && !value.length)).map(([key, value]) => `${key}: ${spell(value)}`);

/** @param {unknown} value */
const spell = (value) => (isUnknown(value) ? UNKNOWN : typeof value === 'object' ? JSON.stringify(value) : String(value));
