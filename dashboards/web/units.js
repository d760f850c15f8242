// @ts-check
/**
 * A measured value as text, by its unit as the server names it (`ms`, `usd`, `1`, `{call}`, `By`, …). Pure.
 *
 * Given: a unit. Gives: how a value is said, and how it stands on an axis. Never: a value without its unit.
 */
import { UNKNOWN, axisDuration, bytes, count, duration, isUnknown, money, percent } from './format.js';

const NANOSECONDS = /** @type {Record<string, number>} */ ({ ns: 1, us: 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 36e11 });

/** How a health check stands. */
const STATES = /** @type {Record<number, string>} */ ({ 0: 'healthy', 1: 'degraded', 2: 'down' });

/** @typedef {(value: number | string | null | undefined) => string} Say */

/** @param {string | null | undefined} unit @returns {{say: Say, axis: (value: number) => string}} */
export function measure(unit) {
  const name = unit ?? '';
  if (name in NANOSECONDS) return { say: (value) => (isUnknown(value) ? UNKNOWN : duration(Number(value) * NANOSECONDS[name])), axis: (value) => axisDuration(value * NANOSECONDS[name]) };
  if (name === 'usd' || name === 'usd/h') {
    const per = name === 'usd' ? '' : '/h';
    return { say: (value) => (isUnknown(value) ? UNKNOWN : money(plain(Number(value))) + per), axis: (value) => money(plain(value)) }; // what it is per stands in the title: an axis has room for an amount
  }
  if (name === '1') return { say: (value) => percent(isUnknown(value) ? null : Number(value)), axis: (value) => percent(value) };
  if (name === '%') return { say: (value) => percent(isUnknown(value) ? null : Number(value) / 100), axis: (value) => percent(value / 100) };
  if (name === 'x') return { say: (value) => (isUnknown(value) ? UNKNOWN : `${count(Number(value))}×`), axis: (value) => `${count(value)}×` };
  if (name === '{state}') return { say: (value) => (isUnknown(value) ? UNKNOWN : STATES[Number(value)] ?? String(value)), axis: (value) => STATES[value] ?? '' };
  if (name === 'By') return { say: (value) => bytes(isUnknown(value) ? null : Number(value)), axis: bytes };
  const after = name === '' ? '' : `\u202f${name.replace(/^\{(.*)\}$/, '$1')}`;
  const plural = (/** @type {number} */ value) => (/^\{/.test(name) && value !== 1 ? `${after}s` : after);
  return { say: (value) => (isUnknown(value) ? UNKNOWN : count(Number(value)) + plural(Number(value))), axis: count };
}

/** A number without an exponent. @param {number} value */
const plain = (value) => value.toFixed(12).replace(/\.?0+$/, '');
