// @ts-check
/**
 * What is said of objectives: states, reasons, pairs of windows, how they are measured, and where their events are. Pure.
 *
 * Given: objectives as the server tells them. Gives: looks, sentences, filters of a link. Never: "fine" of what nobody saw.
 */
import { KEYS, formatFilter } from '../filters.js';
import { UNKNOWN, duration, isUnknown, percent, plural, rate } from '../format.js';

/** @typedef {import('../status.js').Look} Look */

const SECOND = 1e9;

/** A percentage beside a target: two places more than that has, always rounded down; whole ones as they are. @param {number | null | undefined} value percent @param {number} [target] percent */
export function exactPercent(value, target = value ?? 0) {
  if (isUnknown(value)) return UNKNOWN;
  const places = (String(target).split('.')[1]?.length ?? 0) + 2;
  const shown = value === target || Number.isInteger(value) ? String(value) : (Math.floor(Number(value) * 10 ** places + 1e-6) / 10 ** places).toFixed(places);
  return `${shown}\u202f%`;
}

/** A burn rate: "6.20×". @param {number | null | undefined} value */
export const times = (value) => (isUnknown(value) ? UNKNOWN : `${rate(value)}×`);

/** "5 min", "6 h", "28 d". @param {number} seconds */
export const span = (seconds) => duration(seconds * SECOND);

const CALENDAR = /** @type {Record<string, string>} */ ({ '1d': 'calendar day', '1w': 'calendar week', '1M': 'calendar month', '1Y': 'calendar year' });

/** @param {string | {duration: string, calendar?: boolean, timezone?: string}} window */
export function windowWords(window) {
  if (typeof window === 'string') return `last ${window.replace(/(\d+)(\w)/, '$1 $2')}`;
  if (!window.calendar) return windowWords(window.duration);
  return [CALENDAR[window.duration] ?? window.duration, window.timezone].filter(Boolean).join(', ');
}

/** Whether a pair of windows holds for sure. @param {any} slo */
export const isBurning = (slo) => slo.conditions.some((/** @type {any} */ pair) => pair.firing === true);

/** Whether the budget would be gone within a day at the pace of the last hour, though no pair fires. @param {any} slo */
const isAtRisk = (slo) => slo.state === 'ok' && !isBurning(slo) && !isUnknown(slo.seconds_until_exhausted) && slo.seconds_until_exhausted < 86_400;

/** How an objective stands. @param {any} slo @returns {Look} */
export function stateLook(slo) {
  if (slo.state === 'breach') return { icon: 'octagon', word: 'Spent', tone: 'crit' };
  if (slo.state !== 'ok') return { icon: 'question', word: 'Unknown', tone: 'unk' };
  if (isBurning(slo)) return { icon: 'triangle', word: 'Burning', tone: 'warn' };
  if (isAtRisk(slo)) return { icon: 'triangle', word: 'At risk', tone: 'warn' };
  return { icon: 'tick', word: 'On track', tone: 'ok' };
}

/** An objective over a window that is not its own: what is of now does not belong to it. @param {any} slo */
export const elsewhere = (slo) => ({ ...slo, conditions: [], seconds_until_exhausted: null });

/** Why, in a sentence. @param {any} slo */
export function stateReason(slo) {
  if (slo.state === 'breach') return 'More went wrong than the target allows';
  if (slo.state === 'ok') return isBurning(slo) ? 'Within its budget, and spending it too fast' : isAtRisk(slo) ? `Within its budget, which is gone in ${span(slo.seconds_until_exhausted)} at the pace of the last hour` : 'Within its budget';
  if (slo.reason === 'no_events') return 'Nothing happened in this window';
  if (slo.reason === 'stale') return `Its service has been silent for ${span(slo.silent_s)}`;
  if (slo.reason === 'low_coverage') return `Only ${percent(slo.coverage)} of the window was seen, and 90 % are needed`;
  if (slo.reason === 'excluded') return 'All of this window was planned downtime';
  if (slo.reason === 'unknown_part') return `Only ${percent(slo.coverage)} of its parts, by weight, are known, and 90 % are needed`;
  if (slo.reason === 'uncounted') return 'Too many spans do not say what they stand for';
  return slo.reason === 'invalid' ? 'More good events than events: the definition cannot be right' : `Not known: ${slo.reason}`;
}

/** Why it is not known, in two or three words. @param {any} slo */
export function unknownBecause(slo) {
  if (slo.reason === 'stale') return `silent for ${span(slo.silent_s)}`;
  if (slo.reason === 'low_coverage') return `${percent(slo.coverage)} seen`;
  return /** @type {Record<string, string>} */ ({ no_events: 'no events', excluded: 'planned downtime', unknown_part: 'parts unknown', uncounted: 'unweighed spans', invalid: 'wrong definition' })[slo.reason] ?? slo.reason;
}

/** What a pair of windows says; null is not known, never quiet. @param {any} pair @returns {{look: Look, why: string}} */
export function pairWords(pair) {
  if (pair.firing === true) return { look: { icon: pair.severity === 'page' ? 'octagon' : 'triangle', word: 'Firing', tone: pair.severity === 'page' ? 'crit' : 'warn' }, why: 'both windows burn faster than the threshold' };
  if (pair.firing !== false) return { look: { icon: 'question', word: 'Unknown', tone: 'unk' }, why: pair.reason === 'no_events' ? 'nothing happened in the long window' : 'not enough of the windows was seen' };
  if (pair.reason === 'unreachable') return { look: { icon: 'dash', word: 'Never', tone: 'unk' }, why: pair.unreachable };
  if (pair.reason === 'few_events') return { look: { icon: 'clock', word: 'Too few', tone: 'info' }, why: 'fast, but too few events to prove it' };
  return { look: { icon: 'tick', word: 'Quiet', tone: 'ok' }, why: quietBecause(pair) };
}

/** @param {any} pair */
function quietBecause({ long_burn_rate: long, short_burn_rate: short, threshold }) {
  if (short === null) return 'nothing happened in the short window';
  if (long <= threshold) return short <= threshold ? 'both windows are below' : 'the long window is below';
  return 'the short window is below: it has stopped';
}

/** "Page 1 h + 5 min". @param {any} pair */
export const pairName = (pair) => `${pair.severity === 'page' ? 'Page' : 'Ticket'} ${span(pair.long_s)} + ${span(pair.short_s)}`;

/** All pairs in a few words: which fire, how many are not known. @param {any} slo @returns {{look: Look, text: string}} */
export function pairsInShort(slo) {
  const firing = slo.conditions.filter((/** @type {any} */ pair) => pair.firing === true);
  const unknown = slo.conditions.filter((/** @type {any} */ pair) => pair.firing === null).length;
  if (firing.length) return { look: pairWords(firing[0]).look, text: pairName(firing[0]) + (firing.length > 1 ? ` and ${firing.length - 1} more` : '') };
  if (unknown || !slo.conditions.length) return { look: { icon: 'question', word: 'Unknown', tone: 'unk' }, text: slo.conditions.length ? `${unknown} of ${plural(slo.conditions.length, 'pair')}` : 'no pairs' };
  return { look: { icon: 'tick', word: 'Quiet', tone: 'ok' }, text: `${plural(slo.conditions.length, 'pair')}` };
}

/** When the budget is gone at the pace of the last hour; '' where that pace spends none. @param {any} slo */
export function goneIn(slo) {
  const left = slo.seconds_until_exhausted;
  if (isUnknown(slo.remaining_ratio)) return null;
  if (isUnknown(left)) return 'not at this pace';
  return left <= 0 ? 'gone' : left > 366 * 86_400 ? 'over a year' : span(left);
}

/** The sentence over all objectives, worst first. @param {any[]} slos @returns {{tone: string, icon: string, title: string, text: string}} */
export function standing(slos) {
  const spent = slos.filter((slo) => slo.state === 'breach');
  const burning = slos.filter((slo) => slo.state === 'ok' && isBurning(slo));
  const risky = slos.filter(isAtRisk);
  const unknown = slos.filter((slo) => slo.state !== 'ok' && slo.state !== 'breach');
  const well = slos.length - spent.length - burning.length - risky.length - unknown.length;
  const names = (/** @type {any[]} */ some) => some.slice(0, 3).map((slo) => slo.display_name).join(', ') + (some.length > 3 ? ` and ${some.length - 3} more` : '');
  const each = [[spent, 'spent'], [burning, 'burning'], [risky, 'at risk'], [unknown, 'unknown'], [{ length: well }, 'on track']].filter(([some]) => /** @type {any} */ (some).length);
  const rest = each.slice(1).map(([some, word]) => `${/** @type {any} */ (some).length} ${word}`).join(' · ');
  const of = (/** @type {number} */ n) => `${n} of ${plural(slos.length, 'objective')}`;
  if (spent.length) return { tone: 'crit', icon: 'octagon', title: `${of(spent.length)} ${spent.length === 1 ? 'has' : 'have'} spent the budget`, text: [names(spent), rest].filter(Boolean).join(' · ') };
  if (burning.length) return { tone: 'warn', icon: 'triangle', title: `${of(burning.length)} ${burning.length === 1 ? 'burns' : 'burn'} too fast`, text: [names(burning), rest].filter(Boolean).join(' · ') };
  if (risky.length) return { tone: 'warn', icon: 'triangle', title: `${of(risky.length)} would be spent within a day at this pace`, text: [names(risky), rest].filter(Boolean).join(' · ') };
  if (unknown.length) return { tone: 'unk', icon: 'question', title: `${of(unknown.length)} cannot be judged`, text: [names(unknown), rest].filter(Boolean).join(' · ') };
  return { tone: 'ok', icon: 'tick', title: slos.length === 1 ? 'The objective is within its budget' : `All ${slos.length} objectives are within their budgets`, text: '' };
}

const FIELDS = /** @type {Record<string, string>} */ ({
  duration_ms: 'duration in ms', time_to_first_chunk_ms: 'time to the first chunk in ms', tokens_per_second: 'output tokens a second', cost_usd: 'cost in USD', input_tokens: 'input tokens', output_tokens: 'output tokens', value: 'value',
});

/** The field of a threshold in words. @param {string} field */
export const fieldWords = (field) => FIELDS[field] ?? field;

/** A bound as it was meant: what lies one step of a double beside a round number leaves that number out. @param {number} bound @param {string} whole @param {string} without */
function boundWords(bound, whole, without) {
  const round = Number(bound.toPrecision(12));
  return round === bound ? `${whole} ${bound}` : `${without} ${round}`;
}

/** Conditions as people read them: "service is chat-api". @param {Record<string, any> | null} conditions @returns {string[]} */
export function conditionWords(conditions) {
  const value = (/** @type {unknown} */ one) => (one === null || one === '' ? 'not set' : String(one));
  return Object.entries(conditions ?? {}).flatMap(([name, told]) => {
    if (name === 'entry' && String(told.one_of) === 'true') return ['the span with which a request enters the service'];
    const others = told.none_of?.filter((/** @type {unknown} */ one) => value(one) !== 'not set');
    return [
      told.one_of && `${name} is ${told.one_of.map(value).join(' or ')}`, others?.length < told.none_of?.length && `${name} is set`, others?.length && `${name} is not ${others.join(' or ')}`,
      isUnknown(told.at_least) ? null : `${name} is ${boundWords(told.at_least, 'at least', 'above')}`, isUnknown(told.at_most) ? null : `${name} is ${boundWords(told.at_most, 'at most', 'below')}`,
    ].filter(Boolean);
  });
}

/** A condition that the lists of traces and of the ledger know as a filter; null where they do not. @param {string} name @param {any} told @param {boolean} negated */
function filterOf(name, told, negated) {
  const values = told.one_of ?? told.none_of;
  if (!Object.hasOwn(KEYS, name) || values?.length !== 1 || (told.one_of && told.none_of)) return null;
  return formatFilter({ key: name, op: ':', value: values[0] === null ? '' : String(values[0]), negated: Boolean(told.none_of) !== negated });
}

/**
 * Where the events that were not good can be looked at: the place, and filters that are as narrow as its list knows.
 * @param {any} measured @param {{dimension: string, value: string | null}} [part] one part of them
 * @returns {{path: string, filters: string[], tab: string | null} | null} null for metrics and composites, which have no list
 */
export function behind(measured, part) {
  if (part?.dimension === 'objective') return { path: `/slos/${part.value}`, filters: [], tab: null };
  if (measured.kind === 'metric' || measured.kind === 'composite') return null;
  const filters = Object.entries(measured.where).map(([name, told]) => filterOf(name, told, false)).filter((one) => one !== null);
  const good = Object.entries(measured.good ?? {});
  const [name, told] = good[0] ?? [];
  if (good.length === 1 && name === 'status' && String(told.one_of) === 'ok') filters.push('status:error');
  else if (good.length === 1 && name) filters.push(...[filterOf(name, told, true)].filter((one) => one !== null));
  const { field, side, value } = measured.threshold ?? {};
  const sign = side === 'below' ? '>' : '<';
  if (field === 'duration_ms') filters.push(`duration${sign}${value}ms`);
  if (field === 'cost_usd') filters.push(`cost${sign}${value}`);
  if (part) filters.push(formatFilter({ key: part.dimension, op: ':', value: part.value ?? '', negated: false }));
  return measured.kind === 'ledger' ? { path: '/costs', filters, tab: 'ledger' } : { path: '/traces', filters, tab: null };
}
