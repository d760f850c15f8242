// @ts-check
/**
 * What an objective counts and what of it is good, as rows of conditions and in words. Pure.
 *
 * Given: an indicator. Gives: the rows and back. Never: rows for an indicator that they would not give back as it was.
 */

/** @typedef {{key: string, how: string, value: string}} Row */
/** @typedef {{kind: string, filter: Row[], good: Row[], side: string, field: string, value: string, metric: string, good_metric: string, expected: boolean}} Model */

export const KINDS = /** @type {Record<string, string>} */ ({ span: 'Requests, and other spans', ledger: 'Model calls', metric: 'Values of a metric' });
export const HOW = /** @type {Record<string, string>} */ ({ is: 'is', not: 'is not', lte: 'is at most', gte: 'is at least' });
export const FIELDS = /** @type {Record<string, Record<string, string>>} */ ({
  span: { duration_ms: 'duration, ms' },
  ledger: { duration_ms: 'duration, ms', time_to_first_chunk_ms: 'time to the first chunk, ms', tokens_per_second: 'tokens a second', cost_usd: 'cost, USD', input_tokens: 'tokens sent', output_tokens: 'tokens received' },
  metric: { value: 'value' },
});
export const KEYS = /** @type {Record<string, string[]>} */ ({
  span: ['status', 'http.route', 'name', 'kind', 'model', 'operation', 'service', 'tenant', 'feature', 'user_tier', 'http_status', 'error_type', 'entry'],
  ledger: ['status', 'model', 'provider', 'operation', 'feature', 'tenant', 'user_tier', 'service', 'state', 'error_type'], metric: ['service'],
});
const MEMBERS = ['kind', 'filter', 'good', 'below', 'above', 'metric', 'good_metric', 'metric_expected'];

/** @param {any} value @returns {Row | null} */
function rowOf(/** @type {string} */ key, value) {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    const [how, ...more] = Object.keys(value);
    return !more.length && (how === 'lte' || how === 'gte' || how === 'not') && typeof value[how] !== 'object' ? { key, how, value: spelled(value[how]) } : null;
  }
  if (Array.isArray(value)) return value.length && value.every((one) => typeof one === 'string' && one && !/^!|,|^(true|false|null)$|^-?\d/.test(one)) ? { key, how: 'is', value: value.join(', ') } : null;
  if (typeof value === 'string') return value.startsWith('!') ? { key, how: 'not', value: value.slice(1) } : { key, how: 'is', value };
  return { key, how: 'is', value: spelled(value) };
}

/** @param {any} value */
const spelled = (value) => (value === null ? 'nothing' : String(value));

/** @param {Row} row */
function valueOf({ how, value }) {
  const text = value.trim();
  const plain = text === 'true' ? true : text === 'false' ? false : text === 'nothing' ? null : text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  if (how === 'lte' || how === 'gte') return { [how]: plain };
  if (how === 'not') return typeof plain === 'string' ? `!${plain}` : { not: plain };
  return text.includes(',') ? text.split(',').map((one) => one.trim()).filter(Boolean) : plain;
}

/** @param {any} given @returns {Row[] | null} */
function rowsOf(given) {
  const rows = Object.entries(given ?? {}).map(([key, value]) => rowOf(key, value));
  return rows.includes(null) ? null : /** @type {Row[]} */ (rows);
}

/** @param {Row[]} rows */
const mappingOf = (rows) => Object.fromEntries(rows.filter((row) => row.key.trim()).map((row) => [row.key.trim(), valueOf(row)]));

/** The rows of an indicator; null where they cannot say all of it. @param {any} given @returns {Model | null} */
export function modelOf(given) {
  if (!given || typeof given !== 'object' || !Object.hasOwn(KINDS, given.kind) || Object.keys(given).some((key) => !MEMBERS.includes(key))) return null;
  const [filter, good] = [rowsOf(given.filter), rowsOf(given.good)];
  const side = given.below ? 'below' : given.above ? 'above' : '';
  if (!filter || !good) return null;
  const model = { kind: given.kind, filter, good, side, field: side ? given[side].field ?? Object.keys(FIELDS[given.kind])[0] : Object.keys(FIELDS[given.kind])[0], value: side ? String(given[side].value) : '', metric: given.metric ?? '', good_metric: given.good_metric ?? '', expected: given.metric_expected === true };
  const again = indicatorOf(model);
  const explicit = side ? { ...given, [side]: { field: model.field, ...given[side] } } : given;
  return same(again, explicit) ? model : null;
}

/** Whether two values of JSON are the same, whatever the order of members. @param {any} one @param {any} other @returns {boolean} */
function same(one, other) {
  if (one === null || other === null || typeof one !== 'object' || typeof other !== 'object') return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key]));
}

/** @param {Model} model */
export function indicatorOf(model) {
  const [filter, good] = [mappingOf(model.filter), mappingOf(model.good)];
  const number = model.value.trim() !== '' && Number.isFinite(Number(model.value)) ? Number(model.value) : model.value;
  return {
    kind: model.kind, ...(model.kind === 'metric' ? { metric: model.metric.trim() } : {}), ...(Object.keys(filter).length ? { filter } : {}), ...(Object.keys(good).length ? { good } : {}),
    ...(model.side ? { [model.side]: { field: model.field, value: number } } : {}), ...(model.kind === 'metric' && model.good_metric.trim() ? { good_metric: model.good_metric.trim() } : {}), ...(model.kind === 'metric' && model.expected ? { metric_expected: true } : {}),
  };
}

/** Another kind keeps what it understands. @param {Model} model @param {string} kind @returns {Model} */
export const asKind = (model, kind) => ({ ...model, kind, field: Object.hasOwn(FIELDS[kind], model.field) ? model.field : Object.keys(FIELDS[kind])[0], side: kind === 'metric' && !model.side && !model.good_metric ? 'below' : model.side, good: kind === 'metric' ? [] : model.good });

/** @param {Row[]} rows */
const listed = (rows) => rows.filter((row) => row.key.trim()).map((row) => `${row.key.trim()} ${HOW[row.how]} ${row.value.trim().replace(/\s*,\s*/g, ' or ') || '…'}`).join(' and ');

/** "Counted: model calls whose model is gpt-5. Good: whose duration, ms is at most 500." @param {Model} model */
export function inWords(model) {
  const what = model.kind === 'span' ? 'requests' : model.kind === 'ledger' ? 'model calls' : `values of ${model.metric.trim() || '…'}`;
  const only = listed(model.filter);
  const good = [listed(model.good), model.side ? `${FIELDS[model.kind][model.field]} is at ${model.side === 'below' ? 'most' : 'least'} ${model.value.trim() || '…'}` : '', model.kind === 'metric' && model.good_metric.trim() ? `counted by ${model.good_metric.trim()}` : ''].filter(Boolean).join(' and ');
  return `Counted: ${what}${only ? ` whose ${only}` : ''}. Good: ${good ? `those whose ${good}`.replace('whose counted', 'counted') : 'nothing yet'}.`;
}
