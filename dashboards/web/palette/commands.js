// @ts-check
/**
 * What the palette offers: pages, time ranges, themes, kept views, and whatever has a name on the server.
 *
 * Given: what was typed, and what the server told. Gives: groups of commands, each with where it leads or what it does.
 * Never: a command that this page has no use for.
 */
import { PRESETS } from '../time.js';
import { best } from './match.js';

/** @typedef {{name: string, also?: string, icon: string, hint?: string, to?: string, range?: string, theme?: string}} Command `to`: an address; `also`: further words that find it */

/** Every page without a name of its own in its address. @type {[string, string, string, string?][]} */
export const PLACES = [
  ['/', 'Live', 'pulse', 'home now'], ['/traces', 'Traces', 'traces', 'requests spans'], ['/logs', 'Logs', 'lines', 'records'], ['/trends', 'Trends', 'wave', 'metrics history'], ['/audio', 'Audio', 'wave', 'speech quality'],
  ['/costs', 'Costs', 'dollar', 'spend money'], ['/costs/budgets', 'Budgets', 'purse'], ['/costs/prices', 'Price book', 'dollar', 'rates overrides'], ['/costs/reconcile', 'Reconcile', 'dollar', 'bill invoice'],
  ['/slos', 'SLOs', 'target', 'objectives'], ['/slos/new', 'New objective', 'plus', 'slo'], ['/reports/sla', 'SLA report', 'target', 'month'],
  ['/alerts', 'Alerts', 'bell'], ['/alerts/rules', 'Alert rules', 'bell'], ['/alerts/incidents', 'Incidents', 'bell'], ['/alerts/silences', 'Silences', 'silence', 'maintenance'],
  ['/services', 'Services', 'layers', 'health checks'], ['/query', 'Query', 'table', 'sql'],
  ['/settings', 'Settings', 'settings', 'me theme'], ['/settings/channels', 'Channels', 'settings', 'slack e-mail webhook'], ['/settings/sampling', 'Sampling', 'settings', 'loss'], ['/settings/tokens', 'Tokens', 'key'], ['/settings/data', 'Data and retention', 'settings', 'storage backup'],
  ['/alerts/routing', 'Alert routing', 'bell', 'routes escalations'], ['/settings/changes', 'Changes', 'settings', 'audit trail'], ['/settings/about', 'About', 'settings', 'version licences'],
];
const THEMES = [['light', 'Light theme'], ['dark', 'Dark theme'], ['auto', 'Theme of the system']];
const MOST = 6;

/** @param {string} path @param {[string, string][]} pairs */
const address = (path, pairs) => (pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path);

/** What has a name on the server. @param {{services?: any[], models?: any[], slos?: any[], alerts?: any[]}} told @returns {Command[]} */
export function named(told) {
  const f = (/** @type {string} */ key, /** @type {string} */ value) => /** @type {[string, string][]} */ ([['f', `${key}:${value}`]]);
  return [
    ...(told.alerts ?? []).map((one) => ({ name: one.message, also: one.name, icon: 'bell', hint: 'alert', to: `/alerts/${encodeURIComponent(one.id)}` })),
    ...(told.services ?? []).map((name) => ({ name, icon: 'layers', hint: 'service', to: `/services/${encodeURIComponent(name)}` })),
    ...(told.slos ?? []).map((one) => ({ name: one.display_name, also: one.name, icon: 'target', hint: 'objective', to: `/slos/${encodeURIComponent(one.name)}` })),
    ...(told.models ?? []).map((name) => ({ name, icon: 'dollar', hint: 'model, its costs', to: address('/costs', f('model', name)) })),
    ...(told.models ?? []).map((name) => ({ name, icon: 'traces', hint: 'model, its traces', to: address('/traces', f('model', name)) })),
  ];
}

/**
 * @param {string} typed @param {{places: Command[], views: Command[], named: Command[], ranged: boolean}} known ranged: this page has a time range
 * @returns {{name: string, items: Command[]}[]}
 */
export function offered(typed, known) {
  const text = typed.trim();
  const id = /^(?:[0-9a-f]{32}|[0-9a-f]{16})$/i.test(text) ? [{ name: `Open trace ${text.slice(0, 8)}…`, icon: 'traces', hint: 'by its id', to: `/traces/${text.toLowerCase()}` }] : [];
  const searches = text && !id.length ? [
    { name: `Search traces for “${text}”`, icon: 'search', to: address('/traces', [['q', text]]) },
    { name: `Search logs for “${text}”`, icon: 'search', to: address('/logs', [['q', text]]) },
  ] : [];
  const ranges = known.ranged ? PRESETS.map((one) => ({ name: one.label, also: 'time range', icon: 'clock', range: one.from })) : [];
  const themes = THEMES.map(([theme, name]) => ({ name, also: 'colours appearance', icon: 'settings', theme }));
  return [
    { name: 'Trace', items: id },
    { name: 'Kept views', items: best(text, known.views, MOST) },
    { name: 'Pages', items: best(text, known.places, text ? MOST : 30) },
    { name: 'By name', items: text ? best(text, known.named, 8) : [] },
    { name: 'Time range', items: best(text, ranges, MOST + 1) },
    { name: 'Appearance', items: best(text, themes, 3) },
    { name: 'Search', items: searches },
  ].filter((group) => group.items.length);
}

/** Every page as a command. @returns {Command[]} */
export const places = () => PLACES.map(([to, name, icon, also]) => ({ name, also, icon, to }));
