// @ts-check
/**
 * The form of an objective as a definition, and back. Pure.
 *
 * Given: fields of text, or a definition. Gives: the other. Never: a target that lost a digit, or JSON that was mended silently.
 */
export const METHODS = /** @type {Record<string, string>} */ ({ occurrences: 'events', timeslices: 'slices, each good or not', ratio_timeslices: 'slices, by their share of good events' });

export const PRESETS = /** @type {Record<string, {text: string, indicator: any}>} */ ({
  availability: { text: 'Requests that do not fail', indicator: { kind: 'span', good: { status: 'ok' } } },
  latency: { text: 'Requests that are fast', indicator: { kind: 'span', below: { field: 'duration_ms', value: 500 } } },
  first: { text: 'Calls whose first chunk is early', indicator: { kind: 'ledger', below: { field: 'time_to_first_chunk_ms', value: 1000 } } },
  cost: { text: 'Calls that are cheap', indicator: { kind: 'ledger', below: { field: 'cost_usd', value: 0.05 } } },
  composite: { text: 'A composite of others', indicator: { kind: 'composite', parts: [{ slo: '', weight: 1 }] } },
});

const JSONS = ['indicator', 'slice', 'groups', 'alerting'];

/** "0.999" as "99.9", without rounding. @param {string | number} share @param {number} places by how many the point moves to the right */
export function shifted(share, places) {
  const text = String(share);
  const found = /^(\d*)\.?(\d*)$/.exec(text);
  if (!found || !/\d/.test(text)) return text;
  const [, before, after] = found;
  const digits = places > 0 ? before + after.padEnd(places, '0') : before.padStart(-places + 1, '0') + after;
  const point = places > 0 ? before.length + places : digits.length - after.length + places;
  const left = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0';
  const right = digits.slice(point).replace(/0+$/, '');
  return right ? `${left}.${right}` : left;
}

/** @param {any} definition or null for a new one @returns {Record<string, string>} */
export function fieldsOf(definition) {
  const given = definition ?? { indicator: PRESETS.availability.indicator, target: '0.99', window: '28d' };
  const window = typeof given.window === 'string' ? { duration: given.window } : given.window;
  const json = Object.fromEntries(JSONS.map((key) => [key, given[key] === undefined || given[key] === null ? '' : JSON.stringify(given[key], null, 2)]));
  return {
    name: given.name ?? '', display_name: given.display_name ?? '', service: given.service ?? '', target: shifted(given.target, 2),
    window: window.duration, timezone: window.calendar ? (window.timezone ?? 'UTC') : '', method: given.method ?? 'occurrences', ...json,
  };
}

/** @param {FormData} form @param {any} before the definition that it changes: what the form does not show stays @returns {{body: any, wrong: Record<string, string>}} */
export function bodyOf(form, before) {
  const text = (/** @type {string} */ key) => String(form.get(key) ?? '').trim();
  /** @type {Record<string, string>} */
  const wrong = {};
  const body = { ...before, name: text('name'), service: text('service'), target: shifted(text('target'), -2), method: text('method') };
  body.window = text('timezone') ? { duration: text('window'), calendar: true, timezone: text('timezone') } : text('window');
  if (text('display_name')) body.display_name = text('display_name');
  else delete body.display_name;
  for (const key of JSONS) {
    delete body[key];
    if (!text(key)) continue;
    try {
      body[key] = JSON.parse(text(key));
    } catch (error) {
      wrong[key] = `This is not JSON: ${/** @type {Error} */ (error).message}`;
    }
  }
  return { body, wrong };
}

/** The field of a member that the server names: "indicator.good.status" stands in "indicator". @param {string} member */
export const placeOf = (member) => (member === 'window.timezone' ? 'timezone' : member.split(/[.[]/)[0]);
