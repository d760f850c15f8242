// @ts-check
/** Who wants to hear what where: a grid of channels and severities, and hours of quiet in words. Pure. Never: a channel that is silenced because nobody said anything about it. */

export const SEVERITIES = ['critical', 'error', 'warning', 'info'];
export const DAYS = /** @type {Record<string, string>} */ ({ mon: 'Mon', tue: 'Tue', wed: 'Wed', thu: 'Thu', fri: 'Fri', sat: 'Sat', sun: 'Sun' });
/** Kinds that may be chosen before there is a channel of them. */
const KINDS = /** @type {Record<string, string>} */ ({ email: 'E-mail', sms: 'SMS', slack: 'Slack' });

/** @typedef {{key: string, name: string, sub: string, wanted: string[]}} Row key: what the grid calls it */

/** @param {any} kept @param {string} kind what the ticks of older programs say of a kind; all where they say nothing */
const byKind = (kept, kind) => (Object.hasOwn(KINDS, kind) ? (kept[`${kind}_notifications`] ? SEVERITIES.filter((one) => kept[`${one}_alerts`]) : []) : SEVERITIES);

/** The rows of the grid: the channels that there are, kinds while there are none. @param {any} kept preferences @param {any[]} channels @returns {Row[]} */
export function rowsOf(kept, channels) {
  const each = channels.length ? channels.map((one) => ({ key: one.name, name: one.name, sub: one.type, kind: one.type, names: [one.id, one.name, one.type, '*'] })) : Object.entries(KINDS).map(([kind, name]) => ({ key: kind, name, sub: '', kind, names: [kind, '*'] }));
  return each.map(({ names, kind, ...row }) => {
    const said = names.filter((name) => Object.hasOwn(kept.channels ?? {}, name));
    const usual = kept.channels ? SEVERITIES : byKind(kept, kind);
    return { ...row, wanted: said.length ? SEVERITIES.filter((one) => said.some((name) => kept.channels[name].includes(one))) : usual };
  });
}

/** @param {FormData} fields @param {Row[]} rows */
export function bodyOf(fields, rows) {
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const quiet = fields.has('quiet_hours_enabled');
  const most = text('max_alerts_per_hour');
  const chosen = new Set(fields.getAll('told').map(String));
  return {
    channels: Object.fromEntries(rows.map((row, at) => [row.key, SEVERITIES.filter((one) => chosen.has(`${at} ${one}`))])),
    quiet_hours_enabled: quiet,
    ...(quiet ? { quiet_start_time: text('quiet_start_time'), quiet_end_time: text('quiet_end_time'), timezone: text('timezone'), quiet_days: fields.getAll('quiet_days').map(String), quiet_passes: fields.getAll('quiet_passes').map(String) } : {}),
    max_alerts_per_hour: most === '' ? null : Number.isFinite(Number(most)) ? Number(most) : most,
  };
}

/** @param {string[]} words */
const listed = (words) => (words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words[0] ?? '');

/** "From 22:00 to 08:00 (Europe/Berlin), each day: error, warning and info wait until 08:00; critical never waits." @param {any} body */
export function quietWords(body) {
  if (!body.quiet_hours_enabled) return 'Messages come at any hour.';
  const { quiet_start_time: from, quiet_end_time: to, timezone, quiet_days: days, quiet_passes: passes } = body;
  if (!from || !to) return 'From when to when?';
  if (!days.length) return 'On which days?';
  const waiting = SEVERITIES.filter((one) => !passes.includes(one));
  const when = `From ${from} to ${to}${timezone ? ` (${timezone})` : ''}, ${days.length === 7 ? 'each day' : listed(days.map((/** @type {string} */ day) => DAYS[day]))}`;
  const passing = SEVERITIES.filter((one) => passes.includes(one));
  return waiting.length ? `${when}: ${listed(waiting)} ${waiting.length === 1 ? 'waits' : 'wait'} until ${to}; ${passing.length ? `${listed(passing)} never ${passing.length === 1 ? 'waits' : 'wait'}` : 'critical ones as well'}.` : `${when}: nothing waits.`;
}
