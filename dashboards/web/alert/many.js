// @ts-check
/**
 * Several alerts at once: which are meant, and what a silence of them says. Pure.
 *
 * Given: alerts as the server tells them. Gives: matchers. Never: a silence that leaves out one that was chosen.
 */

/** @param {string} text */
const quoted = (text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
/** @param {string} text */
const literally = (text) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');

/** A label as a matcher; several values become one of them, and none is the empty text. @param {string} name @param {string[]} values */
export const matcher = (name, values) => (values.length === 1 ? `${name}=${quoted(values[0])}` : `${name}=~${quoted(values.map(literally).join('|'))}`);

/** Matchers of one silence for each rule, that hold for all of these alerts. @param {any[]} alerts @returns {string[][]} */
export function silencesOf(alerts) {
  /** @type {Map<string, any[]>} */
  const rules = new Map();
  for (const one of alerts) {
    const name = one.labels?.alertname ?? '';
    rules.set(name, [...(rules.get(name) ?? []), one]);
  }
  return [...rules.values()].map((those) => {
    const names = [...new Set(those.flatMap((one) => Object.keys(one.labels ?? {})))];
    return names.map((name) => matcher(name, [...new Set(those.map((one) => String(one.labels?.[name] ?? '')))]));
  });
}

/** Those between two rows, both included, as a press with Shift chooses them. @param {string[]} order @param {string | null} from @param {string} to */
export function between(order, from, to) {
  const [a, b] = [from === null ? -1 : order.indexOf(from), order.indexOf(to)];
  return a < 0 ? [to] : order.slice(Math.min(a, b), Math.max(a, b) + 1);
}
