// @ts-check
/**
 * What happened beside a chart's figures, and where on its axis it stands. Pure.
 *
 * Given: deployments, incidents and unusual times; the edges of the axis. Gives: marks in order, near ones together.
 * Never: a mark at a time that the axis does not show.
 */
import { instant } from './format.js';

/** @typedef {{at: number, end: number | null, kind: 'deployment' | 'incident' | 'anomaly', text: string, href: string}} Mark at and end in ms; end null: it lasts */

/** Where a moment stands between the edges of buckets, from 0 to 1; null outside. @param {number[]} edges ms, ascending @param {number} at */
export function share(edges, at) {
  const last = edges.length - 1;
  if (last < 1 || at < edges[0] || at > edges[last]) return null;
  const index = Math.min(last - 1, Math.max(0, edges.findIndex((edge) => edge > at) - 1 < 0 ? last - 1 : edges.findIndex((edge) => edge > at) - 1));
  return (index + (at - edges[index]) / (edges[index + 1] - edges[index])) / last;
}

/** Marks on the axis, those nearer than `gap` together. @param {Mark[]} marks @param {number[]} edges @param {number} gap share of the axis @returns {{x: number, marks: Mark[]}[]} */
export function placed(marks, edges, gap) {
  /** @type {{x: number, marks: Mark[]}[]} */
  const groups = [];
  for (const mark of [...marks].sort((one, other) => one.at - other.at)) {
    const x = share(edges, Math.max(mark.at, mark.kind === 'deployment' ? mark.at : Math.min(edges[0] ?? mark.at, mark.end ?? Infinity)));
    if (x === null) continue;
    const near = groups.at(-1);
    if (near && x - near.x < gap) near.marks.push(mark);
    else groups.push({ x, marks: [mark] });
  }
  return groups;
}

/** The stretch of the axis in which a mark lasts; null for a moment, or outside. @param {Mark} mark @param {number[]} edges @returns {[number, number] | null} */
export function stretch(mark, edges) {
  const [first, last] = [edges[0], edges.at(-1) ?? 0];
  const [from, to] = [Math.max(mark.at, first), Math.min(mark.end ?? last, last)];
  if (mark.kind === 'deployment' || !(to > from)) return null;
  return [Number(share(edges, from)), Number(share(edges, to))];
}

/** Which kinds there are, for the legend. @param {Mark[]} marks */
export const kindsOf = (marks) => /** @type {const} */ (['deployment', 'incident', 'anomaly']).filter((kind) => marks.some((mark) => mark.kind === kind));

/** @param {any} one a deployment @param {(path: string, set?: Record<string, string>) => string} link @returns {Mark} */
export const deployed = (one, link) => ({
  at: Number(instant(one.at)), end: null, kind: 'deployment', href: link(`/services/${encodeURIComponent(one.service)}`, { sel: one.id }),
  text: `${one.service} ${one.version} went out${one.environment ? ` in ${one.environment}` : ''}${one.note ? `: ${one.note}` : ''}`,
});

/** @param {any} one an incident @param {(path: string) => string} link @returns {Mark} */
export const incidentOf = (one, link) => ({ at: Number(instant(one.started_at)), end: instant(one.ended_at), kind: 'incident', text: one.title, href: link(`/alerts/incidents/${one.id}`) });

/** @param {any} one an alert of a rule on what is unusual @param {(path: string) => string} link @returns {Mark} */
export const unusual = (one, link) => ({ at: Number(instant(one.started_at)), end: instant(one.resolved_at), kind: 'anomaly', text: one.message, href: link(`/alerts/${one.id}`) });
