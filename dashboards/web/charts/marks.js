// @ts-check
/**
 * Deployments, incidents and unusual times on the x axis of a chart: a shape each, a link each, several near one another behind a button.
 *
 * Given: marks and the edges of the axis. Gives: guides over the drawing and a row of marks below it. Never: a mark that only a pointer reaches.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { shortDateTime } from '../format.js';
import { link, spell, zone } from '../url.js';
import { deployed, incidentOf, kindsOf, placed, stretch, unusual } from '../marks.js';
import { useDismiss } from '../parts/hooks.js';

/** @typedef {import('../marks.js').Mark} Mark */
/** What a chart is given of it. @typedef {{list: Mark[], Guides: any, Strip: any, keys: any, rows: any[][]}} Happened */

const NEAR_PX = 26;
const SHAPES = { deployment: 'M6 1.500 11 10.500H1Z', incident: 'M4 1h4l3 3v4L8 11H4L1 8V4Z', anomaly: 'M6 .500 11.500 6 6 11.500 .500 6Z' };
const WORDS = { deployment: 'deployment', incident: 'incident', anomaly: 'unusual' };

/** @param {{kind: Mark['kind']}} props */
const Shape = ({ kind }) => html`<svg class=${`mark-shape ${kind}`} viewBox="0 0 12 12" aria-hidden="true"><path d=${SHAPES[kind]} /></svg>`;

/** What a time says of itself. @param {Mark} mark */
const said = (mark) => `${WORDS[mark.kind]}, ${shortDateTime(mark.at, zone.value)}: ${mark.text}`;

/** Over the drawing: a line for a moment, a band for what lasted. @param {{marks: Mark[], edges: number[], left: number, right: number}} props px to both sides of the axis */
function Guides({ marks, edges, left, right }) {
  const x = (/** @type {number} */ part) => `calc(${left}px + ${part} * (100% - ${left + right}px))`;
  return html`<div class="guides" aria-hidden="true">${placed(marks, edges, 0).flatMap((group) => group.marks.map((mark, index) => {
    const band = stretch(mark, edges);
    return html`<i key=${`${group.x} ${index}`} class=${`guide ${mark.kind}${band ? ' band' : ''}`} style=${{ left: x(band ? band[0] : group.x), width: band ? `calc(${band[1] - band[0]} * (100% - ${left + right}px))` : '0' }}></i>`;
  }))}</div>`;
}

/** Below the drawing. @param {{marks: Mark[], edges: number[], left: number, right: number, width: number}} props */
function Strip({ marks, edges, left, right, width }) {
  const groups = width ? placed(marks, edges, NEAR_PX / Math.max(1, width - left - right)) : [];
  if (!groups.length) return null;
  return html`<ul class="marks" aria-label="What happened then">${groups.map((group) => html`<li key=${group.marks[0].href} style=${{ left: `calc(${left}px + ${group.x} * (100% - ${left + right}px))` }}>
    ${group.marks.length === 1 ? html`<a class="mark" href=${group.marks[0].href} title=${said(group.marks[0])} aria-label=${said(group.marks[0])}><${Shape} kind=${group.marks[0].kind} /></a>` : html`<${Several} marks=${group.marks} late=${group.x > 0.6} />`}</li>`)}</ul>`;
}

/** @param {{marks: Mark[], late: boolean}} props */
function Several({ marks, late }) {
  const [open, setOpen] = useState(false);
  const ref = useDismiss(open, () => setOpen(false));
  const worst = marks.find((mark) => mark.kind === 'incident') ?? marks[0];
  return html`<span class="pop-host" ref=${ref}><button class="mark" aria-expanded=${open} aria-label=${`${marks.length} things happened about ${shortDateTime(marks[0].at, zone.value)}`} onClick=${() => setOpen(!open)}><${Shape} kind=${worst.kind} /><b>${marks.length}</b></button>
    ${open ? html`<ul class=${`pop mark-pop${late ? '' : ' early'}`}>${marks.map((mark) => html`<li key=${mark.href + mark.at}><a href=${mark.href}><${Shape} kind=${mark.kind} /><span>${mark.text}<span class="quiet small"> ${shortDateTime(mark.at, zone.value)}</span></span></a></li>`)}</ul>` : null}</span>`;
}

/** The same in a table. @param {Mark[]} marks */
const rowsOf = (marks) => [...marks].sort((one, other) => other.at - one.at).map((mark) => [html`<time datetime=${new Date(mark.at).toISOString()}>${shortDateTime(mark.at, zone.value)}</time>`, WORDS[mark.kind], html`<a href=${mark.href}>${mark.text}</a>`]);

const MINUTE = 60_000;

/**
 * What happened in a time: deployments and incidents, of one service or of all; with a metric, when a rule found it unusual.
 * @param {number | null} from ms @param {number | null} to @param {{service?: string, metric?: string}} [of] @returns {Happened}
 */
export function useMarks(from, to, { service, metric } = {}) {
  const known = from !== null && to !== null && to > from;
  const window = known ? { from: new Date(Math.floor(from / MINUTE) * MINUTE).toISOString(), to: new Date(Math.ceil(to / MINUTE) * MINUTE).toISOString(), limit: '200' } : {};
  const ask = (/** @type {string} */ path, /** @type {Record<string, string>} */ more = {}) => (known ? `${path}${spell(new URLSearchParams({ ...window, ...more }))}` : null);
  const deployments = useLoad(ask('/api/v1/deployments', service ? { service } : {}), { every: MINUTE });
  const incidents = useLoad(ask('/api/v1/incidents'), { every: MINUTE });
  const rules = useLoad(metric ? '/api/v1/rules?limit=1000' : null);
  const rule = metric ? (rules.data?.items ?? []).find((/** @type {any} */ one) => one.kind === 'anomaly' && isAbout(one.metric, metric)) : null;
  const odd = useLoad(rule ? `/api/v1/alerts?rule_id=${rule.id}&limit=200` : null, { every: MINUTE, subject: rule?.id ?? '' });
  const to_ = (/** @type {string} */ path, /** @type {Record<string, string>} */ set = {}) => link(path, set, ['tz']);
  const seen = (/** @type {Mark} */ mark) => known && mark.at <= to && (mark.kind === 'deployment' ? mark.at >= from : (mark.end ?? Infinity) >= from);
  const list = [
    ...(deployments.data?.items ?? []).map((/** @type {any} */ one) => deployed(one, to_)),
    ...(incidents.data?.items ?? []).filter((/** @type {any} */ one) => !service || one.services.includes(service)).map((/** @type {any} */ one) => incidentOf(one, to_)),
    ...(rule ? odd.data?.items ?? [] : []).filter((/** @type {any} */ one) => one.kind === 'alert' && one.state !== 'pending').map((/** @type {any} */ one) => unusual(one, to_)),
  ].filter(seen);
  const keys = kindsOf(list).map((kind) => html`<li key=${kind}><${Shape} kind=${kind} />${WORDS[kind]} <b>${list.filter((mark) => mark.kind === kind).length}</b></li>`);
  return { list, Guides, Strip, keys, rows: rowsOf(list) };
}

/** Whether a rule's metric is the one that is drawn: `p95_latency` is about `latency`. @param {string | null} ruled @param {string} metric */
const isAbout = (ruled, metric) => ruled === metric || (ruled ?? '').replace(/^(?:p\d+|average)_/, '') === metric;
