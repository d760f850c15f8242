// @ts-check
/** Options of health checks between fields and the server: lists by commas, headers by lines, numbers as numbers. Pure. Never: a number made of what is none. */

/** A value as a field shows it. @param {any} value @returns {string} */
export function optionText(value) {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'object') return Object.entries(value).map(([name, one]) => `${name}: ${one}`).join('\n');
  return String(value);
}

/** What a field says, as its usual value is made; what cannot be read is sent as it was typed, for the server to refuse by name. @param {string} text @param {any} usual @returns {any} */
export function readOption(text, usual) {
  if (Array.isArray(usual)) return text.split(',').map((one) => one.trim()).filter(Boolean);
  if (usual && typeof usual === 'object') {
    const lines = text.split('\n').map((line) => line.trim()).filter(Boolean);
    return lines.every((line) => line.includes(':')) ? Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()])) : text;
  }
  if (text === '') return usual === null || typeof usual === 'string' ? null : text;
  return (typeof usual === 'number' || usual === null) && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}
