// @ts-check
/** Slices, groups and pairs of windows, each as rows of inputs; as JSON where somebody wants it. Never: a row without a name that can be heard. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { GROUPED, WORKBOOK, groupsOf, groupsRows, pairsOf, pairsRows, sliceOf, sliceRows } from '../slo/members.js';

/** @typedef {{text: string, onText: (text: string) => void, wrong: string, at: Set<string>, json: boolean, more: Record<string, any>}} Member text: the member as JSON, empty where it is not there; at: what the server refused */

/** JSON, or nothing where there is none; undefined where it cannot be read. @param {string} text */
export function readJson(text) {
  if (!text.trim()) return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {any} value */
const written = (value) => (value === null ? '' : JSON.stringify(value, null, 2));

/**
 * Rows of one's own typing: they stay while the JSON says the same, so that what is half typed is not tidied away.
 * @template T @param {string} text @param {(text: string) => void} onText @param {(given: any) => T | null} rowsOf @param {(rows: T) => any} valueOf @returns {[T | null, (rows: T) => void]}
 */
export function useRows(text, onText, rowsOf, valueOf) {
  const [typed, setTyped] = useState(/** @type {T | null} */ (null));
  const given = readJson(text);
  const found = given === undefined ? null : rowsOf(given);
  const rows = typed !== null && written(valueOf(typed)) === text ? typed : found;
  return [rows, (next) => { setTyped(next); onText(written(valueOf(next))); }];
}

/** The frame of a member: its rows, or its JSON. @param {Member & {legend: string, id: string, help: string, rows: boolean, children: any}} props */
export function Either({ legend, id, help, rows, text, onText, wrong, json, more, children }) {
  const plain = json || !rows;
  return html`<fieldset class="indicator"><legend>${legend}</legend>
    ${plain ? html`<textarea class="mono" rows="4" aria-label=${`${legend}, as JSON`} value=${text} onInput=${(/** @type {any} */ event) => onText(event.target.value)} ...${more}></textarea><p class="quiet small help" id=${`${id}-help`}>${help}</p>` : html`<textarea name=${more.name} hidden value=${text} onInput=${() => undefined}></textarea>${children}`}
    <p class="field-error" id=${`${id}-wrong`}>${wrong}</p></fieldset>`;
}

/** @param {Member & {method: string}} props */
export function Slices({ method, ...member }) {
  const [rows, change] = useRows(member.text, member.onText, sliceRows, (given) => sliceOf(given, method));
  const input = (/** @type {'window' | 'value'} */ key, /** @type {string} */ label, /** @type {string} */ place) => html`<input aria-label=${label} class="short" autocomplete="off" spellcheck=${false} inputmode=${key === 'value' ? 'decimal' : undefined} value=${/** @type {any} */ (rows)[key]} aria-invalid=${member.at.has(place) || (key === 'window' && member.at.has('slice'))} aria-describedby="slo-slice-wrong" onInput=${(/** @type {any} */ event) => change({ .../** @type {any} */ (rows), [key]: event.target.value })} />`;
  return html`<${Either} ...${member} legend="Slices" id="slo-slice" rows=${rows !== null} help='such as {"window": "1m", "target": 0.95}, or with "events": 100'>
    <p class="said-row">${method === 'ratio_timeslices' ? 'The share of good events is that of slices of' : 'What counts are slices of'} ${input('window', 'Length of a slice', 'slice.window')}<span class="quiet small">such as 1m, 5m or 1h</span></p>
    ${method === 'timeslices' ? html`<p class="said-row">One is good with at least ${input('value', 'At least', rows?.by === 'events' ? 'slice.events' : 'slice.target')}
      <select aria-label="Of what" value=${rows?.by} onChange=${(/** @type {any} */ event) => change({ .../** @type {any} */ (rows), by: event.target.value, value: event.target.value === 'events' ? '100' : '95' })}><option value="target">% good events</option><option value="events">good events in all</option></select></p>` : null}
    ${method === 'timeslices' ? html`<p class="quiet small">${rows?.by === 'events' ? 'A slice without any event is bad.' : 'A slice in which nothing happened is left out.'}</p>` : null}<//>`;
}

/** @param {Member & {kind: string}} props */
export function GroupRows({ kind, ...member }) {
  const [rows, change] = useRows(member.text, member.onText, groupsRows, groupsOf);
  const by = GROUPED[kind] ?? {};
  const foreign = rows?.by && !Object.hasOwn(by, rows.by);
  if (!Object.keys(by).length && rows?.by === '' && !member.json) return null;
  return html`<${Either} ...${member} legend="Groups" id="slo-groups" rows=${rows !== null} help='such as {"by": "tenant", "most": 20}; empty: none'>
    <p class="said-row"><select aria-label="A budget of its own" value=${rows?.by} aria-invalid=${member.at.has('groups.by')} aria-describedby="slo-groups-wrong" onChange=${(/** @type {any} */ event) => change({ .../** @type {any} */ (rows), by: event.target.value })}><option value="">One budget for all of it</option>${Object.entries(by).map(([key, text]) => html`<option key=${key} value=${key}>and one for each ${text}</option>`)}${foreign ? html`<option value=${rows.by}>and one for each ${rows.by}</option>` : null}</select>
      ${rows?.by ? html`of the worst <input aria-label="How many groups" class="short" inputmode="numeric" autocomplete="off" placeholder="100" value=${rows.most} aria-invalid=${member.at.has('groups.most')} aria-describedby="slo-groups-wrong" onInput=${(/** @type {any} */ event) => change({ ...rows, most: event.target.value })} /><span class="quiet small">the others are counted together</span>` : null}</p><//>`;
}

/** @param {Member} props */
export function Pairs(member) {
  const [rows, change] = useRows(member.text, member.onText, pairsRows, pairsOf);
  const own = Array.isArray(rows);
  const set = (/** @type {number} */ at, /** @type {string} */ key, /** @type {string} */ value) => change(/** @type {any[]} */ (rows).map((row, index) => (index === at ? { ...row, [key]: value } : row)));
  const input = (/** @type {any} */ row, /** @type {number} */ at, /** @type {string} */ key, /** @type {string} */ member_, /** @type {string} */ label) => html`<input class="short" aria-label=${`${label} of pair ${at + 1}`} autocomplete="off" spellcheck=${false} inputmode=${key === 'percent' ? 'decimal' : undefined} value=${row[key]} aria-invalid=${member.at.has(`alerting[${at}].${member_}`) || member.at.has(`alerting[${at}]`)} aria-describedby="slo-alerting-wrong" onInput=${(/** @type {any} */ event) => set(at, key, event.target.value)} />`;
  const choice = own ? (rows.length ? 'own' : 'none') : 'usual';
  const begin = (/** @type {any} */ event) => change(event.target.value === 'usual' ? 'usual' : event.target.value === 'own' ? WORKBOOK : []);
  return html`<${Either} ...${member} legend="Who is told when it burns" id="slo-alerting" rows=${rows !== null} help='a list of {"severity": "page", "budget_percent": 2, "long": "1h", "short": "5m"}; empty: those of the SRE workbook'>
    <p class="said-row"><select id="slo-pairs" aria-label="Pairs of windows" value=${choice} aria-invalid=${member.at.has('alerting')} aria-describedby="slo-alerting-wrong" onChange=${begin}><option value="usual">By the pairs of the SRE workbook</option><option value="own">By pairs of my own</option><option value="none">Nobody is told</option></select>
      <span class="quiet small">${choice === 'usual' ? 'page at 2 % of the budget in 1 h or 5 % in 6 h, ticket at 10 % in 1 d or 3 d' : choice === 'none' ? 'the page still shows how fast it goes' : 'the short window ends the alert soon after it is over'}</span></p>
    ${own && rows.length ? html`<ol class="pair-rows" aria-label="Pairs of windows">${rows.map((row, at) => html`<li key=${at} class="said-row"><select aria-label=${`Severity of pair ${at + 1}`} value=${row.severity} onChange=${(/** @type {any} */ event) => set(at, 'severity', event.target.value)}><option value="page">Page</option><option value="ticket">Ticket</option></select> when ${input(row, at, 'percent', 'budget_percent', 'Percent of the budget')} % of the budget are gone in ${input(row, at, 'long', 'long', 'Long window')} and still burns in ${input(row, at, 'short', 'short', 'Short window')}
        <button class="icon-button" type="button" aria-label=${`Remove pair ${at + 1}`} onClick=${() => change(rows.filter((_, index) => index !== at))}><${Icon} name="cross" /></button></li>`)}</ol>
      <button class="button start" type="button" disabled=${rows.length >= 10} title=${rows.length >= 10 ? 'Ten are the most' : undefined} onClick=${() => change([...rows, { severity: 'page', percent: '', long: '', short: '' }])}><${Icon} name="plus" />Pair</button>` : null}<//>`;
}
