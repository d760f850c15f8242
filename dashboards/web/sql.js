// @ts-check
/**
 * A search of traces as the SQL statement that finds the same traces. Pure.
 *
 * Given: filters and free text. Gives: a statement over the views `spans` and `ledger`, with `$from` and `$to`. Never: a value outside of quotes.
 */

/** @typedef {import('./filters.js').Filter} Filter */

const TEXTS = ['service', 'name', 'kind', 'model', 'provider', 'operation', 'user_id', 'session_id', 'feature', 'tenant', 'user_tier', 'route', 'state', 'trace_id'];
/** What a line of the ledger does not have. */
const OF_SPANS = ['name', 'kind', 'route'];
const NANOSECONDS = /** @type {Record<string, number>} */ ({ ns: 1, us: 1e3, 'µs': 1e3, ms: 1e6, s: 1e9, m: 6e10, min: 6e10, h: 36e11 });

/** @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** Any span or line has one of these values; nothing at all has one, where the empty text is among them. @param {string} key @param {string[]} values */
function holds(key, values) {
  const named = values.filter(Boolean).map((value) => quoted(key === 'trace_id' ? value.toLowerCase() : value));
  const each = [...(named.length ? [`coalesce(bool_or(${key} ${named.length === 1 ? `= ${named[0]}` : `IN (${named.join(', ')})`}), false)`] : []), ...(values.includes('') ? [`count(${key}) = 0`] : [])];
  return each.length > 1 ? `(${each.join(' OR ')})` : each[0];
}

/** @param {Filter} filter */
function compared(filter) {
  if (filter.key === 'cost') return `coalesce(sum(cost_usd), CASE WHEN count(state) = 0 THEN 0 END) ${filter.op} ${Number(filter.value) >= 0 ? filter.value.trim() : 'NULL'}`;
  const match = /^(\d+(?:\.\d+)?)([a-zµ]+)$/.exec(filter.value.trim());
  const ns = match && match[2] in NANOSECONDS ? Number(match[1]) * NANOSECONDS[match[2]] : null;
  return `max(end_ns) - min(start_ns) ${filter.op} ${ns === null ? 'NULL' : Math.round(ns)}`;
}

const STATUS = "['unset', 'ok', 'error'][max(status) + 1]";

/** @param {Filter[]} filters @param {string} text the words that a span or line must hold @param {string} sort */
export function sqlOf(filters, text, sort = '-start') {
  const asked = (/** @type {string} */ key, /** @type {boolean} */ negated) => filters.filter((one) => one.key === key && one.op === ':' && one.negated === negated).map((one) => one.value);
  const words = (text.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', '').toLowerCase()).filter(Boolean);
  const keys = TEXTS.filter((key) => filters.some((one) => one.key === key));
  const having = [
    ...keys.flatMap((key) => [[false, ''], [true, 'NOT ']].flatMap(([negated, not]) => { const values = asked(key, Boolean(negated)); return values.length ? [`${not}${holds(key, values)}`] : []; })),
    ...[false, true].flatMap((negated) => { const values = asked('status', negated); return values.length ? [`${STATUS} ${negated ? 'NOT IN' : 'IN'} (${values.map(quoted).join(', ')})`] : []; }),
    ...filters.filter((one) => one.op !== ':').map(compared),
    ...(words.length ? [`bool_or(${words.map((word) => `contains(words, ${quoted(word)})`).join(' AND ')})`] : []),
  ];
  const more = keys.filter((key) => key !== 'trace_id' && key !== 'state' && key !== 'service');
  const columns = (/** @type {boolean} */ ledger) => more.map((key) => (ledger && OF_SPANS.includes(key) ? `NULL AS ${key}` : key)).map((one) => `, ${one}`).join('');
  const said = (/** @type {boolean} */ ledger) => (words.length ? `,\n    lower(concat_ws(' ', ${ledger ? 'service, user_id, session_id, operation, model, provider, error_type, response_id, attributes' : 'name, service, user_id, session_id, operation, model, provider, route, error_type, status_message, attributes'})) AS words` : '');
  const order = /** @type {Record<string, string>} */ ({ start: 'start', duration: 'duration_ms', cost: 'cost_usd' });
  return `WITH seen AS (
  SELECT trace_id, start_ns, end_ns, service, CASE status WHEN 'error' THEN 2 WHEN 'ok' THEN 1 ELSE 0 END AS status,
    NULL AS state, NULL AS cost_usd${columns(false)}${said(false)}
  FROM spans WHERE start_time >= $from AND start_time < $to
  UNION ALL
  SELECT trace_id, at_ns - coalesce((duration_ms * 1e6)::BIGINT, 0), at_ns, service, CASE WHEN error_type IS NULL THEN 0 ELSE 2 END,
    state, cost_usd${columns(true)}${said(true)}
  FROM ledger WHERE at >= $from AND at < $to
)
SELECT
  trace_id, make_timestamp(min(start_ns) // 1000) AS start, (max(end_ns) - min(start_ns)) / 1e6 AS duration_ms,
  sum(cost_usd) AS cost_usd, ${STATUS} AS status, list_sort(list(DISTINCT service)) AS services, count(*) AS records
FROM seen
WHERE trace_id IS NOT NULL
GROUP BY trace_id${having.length ? `\nHAVING ${having.join('\n  AND ')}` : ''}
ORDER BY ${order[sort.replace('-', '')] ?? 'start'}${sort.startsWith('-') ? ' DESC' : ''} NULLS LAST, trace_id
LIMIT 100`;
}
