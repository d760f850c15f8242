// @ts-check
/**
 * What is said of a bill held against the ledger: how it stands, why cells differ, where. Pure.
 *
 * Given: a result as the server tells it, amounts as text. Gives: looks, words, a grid of days and models. Never: "agrees" for what could not be compared.
 */
import { addMoney, isUnknown, moneyLength, percent, whole } from '../format.js';

/** @typedef {import('../status.js').Look} Look */

/** @type {Record<string, Look>} */
const STATES = {
  agrees: { icon: 'tick', word: 'Agrees', tone: 'ok' },
  differs: { icon: 'triangle', word: 'Differs', tone: 'warn' },
  unknown: { icon: 'question', word: 'Unknown', tone: 'unk' },
};

/** @param {string} state @returns {Look} */
export const billLook = (state) => (Object.hasOwn(STATES, state) ? STATES[state] : STATES.unknown);

/** Why a cell differs: in a few words, and what to do. @type {Record<string, [string, string]>} */
const WHY = {
  missing_calls: ['calls that the ledger lacks', 'a service without the SDK, or telemetry that was lost'],
  not_billed: ['calls that the bill lacks', 'free, credited, or billed to somebody else'],
  unpriced: ['calls without a price', 'set one in the price book and price them anew'],
  price: ['another price', 'a discount, or an older rate in the price book'],
  tokens: ['other tokens', 'usage that was estimated, or retries that were billed'],
  rounding: ['rounding of each row', 'nothing to do'],
  time_zone: ['days that begin at another hour', 'name the zone of the bill'],
  unknown: ['unknown', 'the bill says too little to tell why'],
};

/** @param {string | null} why @returns {[string, string]} */
export const whyWords = (why) => (why && Object.hasOwn(WHY, why) ? WHY[why] : ['', '']);

/** "We saw 99.7 % of the bill." @param {any} bill */
export function sentence(bill) {
  const text = String(bill.sentence);
  return `${text[0].toUpperCase()}${text.slice(1).replace(/(\d) %/, '$1\u202f%')}.`;
}

/** How much differs, against what may. @param {any} bill */
export function toleranceWords(bill) {
  if (isUnknown(bill.off)) return 'Nothing could be compared.';
  return `${percent(Number(bill.off))} of the bill differs somewhere; up to ${percent(Number(bill.tolerance))} is taken as the same.`;
}

/** Only what differs, most first. @param {any[]} cells */
export const differing = (cells) => cells.filter((cell) => cell.why && cell.why !== 'rounding').sort((one, other) => Math.abs(Number(other.difference)) - Math.abs(Number(one.difference)));

/** A cell's tone: nothing to see, the ledger is under the bill, or over it. @param {any} cell @returns {'same' | 'under' | 'over' | 'open'} */
export function toneOf(cell) {
  if (!cell.why || cell.why === 'rounding') return 'same';
  const difference = Number(cell.difference);
  return difference > 0 ? 'under' : difference < 0 ? 'over' : 'open';
}

/**
 * Days × models, the models that differ most first.
 * @param {any[]} cells @param {number} [most] models @returns {{days: string[], models: {model: string | null, difference: string | null, cells: Map<string, any>}[], more: number}}
 */
export function gridOf(cells, most = 12) {
  const days = [...new Set(cells.map((cell) => cell.day))].sort();
  /** @type {Map<string, any[]>} */
  const byModel = new Map();
  for (const cell of cells) byModel.set(cell.model ?? '', [...(byModel.get(cell.model ?? '') ?? []), cell]);
  const models = [...byModel].map(([model, own]) => ({
    model: model || null, difference: addMoney(own.map((cell) => cell.difference)), off: own.reduce((sum, cell) => sum + Math.abs(Number(moneyLength(cell.difference))), 0),
    cells: new Map([...new Set(own.map((cell) => cell.day))].map((day) => [day, worst(own.filter((cell) => cell.day === day))])),
  })).sort((one, other) => other.off - one.off || String(one.model).localeCompare(String(other.model)));
  return { days, models: models.slice(0, most), more: Math.max(0, models.length - most) };
}

/** Of several projects of a day, the one that differs most. @param {any[]} cells */
const worst = (cells) => cells.reduce((found, cell) => (Math.abs(Number(cell.difference)) > Math.abs(Number(found.difference)) ? cell : found));

/** What the form says, as parameters of the address. @param {FormData | Map<string, string>} fields */
export function billSearch(fields) {
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const search = new URLSearchParams();
  for (const name of ['name', 'format', 'tz', 'columns', 'project', 'decimal', 'dates', 'duplicates', 'tolerance']) if (text(name)) search.set(name, text(name));
  for (const name of ['provider', 'currency_rate']) for (const one of text(name).split(',').map((part) => part.trim()).filter(Boolean)) search.append(name, one);
  return search;
}

/** What is wrong with a bill, as somebody who chooses among fields needs it. @param {any} one a mistake as the server tells it */
export function billMistake(one) {
  if ((one.parameter === 'decimal' || one.parameter === 'dates') && one.value) return { ...one, allowed: `“${one.value}” can be read in two ways: say which` };
  if (one.parameter === 'columns' && one.value) return { ...one, allowed: `the file has ${one.value}: say which is which, such as date=DAY, model=MODEL, amount=AMOUNT` };
  return one;
}

/** Amounts, or tokens where the bill has no money. @param {any} bill @param {(amount: unknown) => string} money */
export const amountOf = (bill, money) => (bill.compared === 'cost' ? money : (/** @type {unknown} */ value) => (isUnknown(value) ? '—' : `${whole(Number(value))} tokens`));
