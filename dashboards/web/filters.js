// @ts-check
/**
 * Filters as the URL writes them (`f=service:chat-api`, `f=!status:ok`, `f=duration>500ms`) and as people type them. Pure.
 *
 * Given: texts. Gives: filters and texts. Never: a filter dropped in silence; what cannot be read is named.
 */

/** @typedef {{key: string, op: ':' | '>' | '<' | '>=' | '<=', value: string, negated: boolean}} Filter */

export const KEYS = {
  service: 'Service', name: 'Name', status: 'Status', kind: 'Kind', model: 'Model', provider: 'Provider', operation: 'Operation',
  user_id: 'User', session_id: 'Session', feature: 'Feature', tenant: 'Tenant', user_tier: 'User tier', route: 'Route', state: 'Price state',
  trace_id: 'Trace', stage: 'Stage', format: 'Format', source: 'Source', problem: 'Problem', duration: 'Duration', cost: 'Cost',
};
const COMPARED = new Set(['duration', 'cost']);
const PIECE = /^(!?)([a-z_]+)(:|>=|<=|>|<)(.*)$/s;
const WORDS = { ':': 'is', '>': 'over', '<': 'under', '>=': 'at least', '<=': 'at most' };

/** An empty value (`model:`) asks for what has none. @param {string} text @returns {Filter | null} */
export function parseFilter(text) {
  const match = PIECE.exec(text.trim());
  if (!match || !Object.hasOwn(KEYS, match[2])) return null;
  const [, mark, key, op, rest] = match;
  if ((op !== ':') !== COMPARED.has(key) || (op !== ':' && !rest)) return null;
  const innerMark = op === ':' && rest.startsWith('!') && rest.length > 1;
  return { key, op: /** @type {Filter['op']} */ (op), value: innerMark ? rest.slice(1) : rest, negated: mark === '!' || innerMark };
}

/** @param {Filter} filter */
export const formatFilter = ({ key, op, value, negated }) => `${negated ? '!' : ''}${key}${op}${value}`;

/** @param {Filter} filter */
export const describeFilter = ({ key, op, value, negated }) =>
  `${KEYS[/** @type {keyof typeof KEYS} */ (key)] ?? key} ${negated ? 'is not' : WORDS[op]} ${value || 'set to nothing'}`;

/** Words of a search line; double quotes hold words together. @param {string} line */
const words = (line) => [...line.matchAll(/(?:[^\s"]+|"[^"]*")+/g)].map((match) => match[0].replaceAll('"', ''));

/**
 * A search line: filters, the free text that is left, and the pieces that look like filters but are none.
 * @param {string} line @returns {{filters: Filter[], text: string, wrong: string[]}}
 */
export function parseLine(line) {
  const result = { filters: /** @type {Filter[]} */ ([]), text: '', wrong: /** @type {string[]} */ ([]) };
  const rest = [];
  for (const word of words(line)) {
    const filter = parseFilter(word);
    if (filter) result.filters.push(filter);
    else if (/^!?[a-z_]+[:><]/.test(word)) result.wrong.push(word);
    else rest.push(word);
  }
  result.text = rest.join(' ');
  return result;
}
