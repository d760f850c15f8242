// @ts-check
/**
 * What a state looks like and is called: icon, word and tone, always the three together.
 *
 * Given: a state as the server names it, or null. Gives: its look. Never: a good state without a value behind it.
 */

/** @typedef {{icon: string, word: string, tone: 'ok' | 'warn' | 'crit' | 'unk' | 'info'}} Look */

/** @type {Record<string, Look>} */
const LOOKS = {
  ok: { icon: 'tick', word: 'Healthy', tone: 'ok' },
  warning: { icon: 'triangle', word: 'Warning', tone: 'warn' },
  critical: { icon: 'octagon', word: 'Critical', tone: 'crit' },
  unknown: { icon: 'question', word: 'Unknown', tone: 'unk' },
  no_data: { icon: 'question', word: 'No data', tone: 'unk' },
  error: { icon: 'octagon', word: 'Error', tone: 'crit' },
  slow: { icon: 'triangle', word: 'Slow', tone: 'warn' },
  info: { icon: 'clock', word: 'Info', tone: 'info' },
};

/** The look of a state; anything unheard of is unknown. @param {string | null | undefined} state @returns {Look} */
export const look = (state) => (state && Object.hasOwn(LOOKS, state) ? LOOKS[state] : LOOKS.unknown);

/** The look of a trace's or a span's outcome. @param {string | null | undefined} status @returns {Look} */
export function outcome(status) {
  if (status === 'error') return LOOKS.error;
  if (status === 'ok') return { icon: 'tick', word: 'OK', tone: 'ok' };
  return { icon: 'dash', word: 'No error', tone: 'unk' };
}

/**
 * How complete a total is, as a chip; nothing when it is whole, and unknown when nothing was counted.
 * @param {number | null | undefined} ratio share of calls with a price
 * @returns {Look | null}
 */
export function coverageLook(ratio) {
  if (ratio === null || ratio === undefined) return LOOKS.no_data;
  return ratio >= 1 ? null : { icon: 'triangle', word: 'Partial', tone: 'warn' };
}

/** How a ledger line came to its price. @param {string | null | undefined} state @returns {Look} */
export function priceLook(state) {
  if (state === 'priced') return { icon: 'tick', word: 'Priced', tone: 'ok' };
  if (state === 'estimated') return { icon: 'wave', word: 'Estimated', tone: 'info' };
  if (state === 'free') return { icon: 'tick', word: 'Free', tone: 'ok' };
  return { icon: 'question', word: 'Not priced', tone: 'unk' };
}

/** How severe a log record is, by OTLP's number; its own word is kept. @param {number | null | undefined} severity @param {string | null} [text] @returns {Look} */
export function logLook(severity, text) {
  if (!severity) return { icon: 'question', word: text || 'No level', tone: 'unk' };
  if (severity >= 17) return { icon: 'octagon', word: text || 'ERROR', tone: 'crit' };
  if (severity >= 13) return { icon: 'triangle', word: text || 'WARN', tone: 'warn' };
  return severity >= 9 ? { icon: 'dash', word: text || 'INFO', tone: 'info' } : { icon: 'dash', word: text || 'DEBUG', tone: 'unk' };
}

export const SEVERE = ['critical', 'error'];

/** Whether an alert waits for somebody. @param {any} one */
export const needsSomebody = (one) => one.kind === 'alert' && one.state !== 'pending' && one.state !== 'resolved' && !one.acknowledged && !one.held_back;
