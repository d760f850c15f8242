// @ts-check
/** Routes, escalations and inhibitions between fields and the server. Pure. Never: a label that was typed and silently left out. */

/** Texts by commas. @param {string} text */
export const list = (text) => text.split(',').map((one) => one.trim()).filter(Boolean);

/** "service=chat-*, tenant=acme" as labels with patterns; what has no name keeps its text, for the server to refuse. @param {string} text @returns {Record<string, string[]>} */
export function labelsOf(text) {
  /** @type {Record<string, string[]>} */
  const found = {};
  for (const one of list(text)) {
    const at = one.indexOf('=');
    const name = at < 0 ? one : one.slice(0, at).trim();
    (found[name] ??= []).push(...(at < 0 ? [] : [one.slice(at + 1).trim()]));
  }
  return found;
}

/** @param {Record<string, string[]>} labels */
export const labelText = (labels) => Object.entries(labels ?? {}).flatMap(([name, patterns]) => [patterns].flat().map((pattern) => `${name}=${pattern}`)).join(', ');

/** Steps, one a line: "after 10 min: sms, phone". @param {any[]} steps */
export const stepText = (steps) => steps.map((step) => `after ${step.delay_seconds / 60} min: ${step.channels.join(', ')}`).join('\n');

/** @param {string} text @returns {{delay_seconds: number | string, channels: string[]}[]} */
export const stepsOf = (text) => text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
  const found = /^(?:after\s+)?(\d+(?:\.\d+)?)\s*(s|min|m|h)?\s*:\s*(.*)$/i.exec(line);
  const unit = /** @type {Record<string, number>} */ ({ s: 1, h: 3600 })[found?.[2]?.toLowerCase() ?? ''] ?? 60;
  return found ? { delay_seconds: Number(found[1]) * unit, channels: list(found[3]) } : { delay_seconds: line, channels: [] };
});

/** When somebody is told, in words. @param {any} route */
export function routeWords(route) {
  const taken = [route.severities.length ? route.severities.join(' or ') : '', labelText(route.matchers)].filter(Boolean).join(', ');
  return route.id === 'default' ? 'what no other route took' : taken || 'everything';
}
