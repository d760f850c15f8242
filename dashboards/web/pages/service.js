// @ts-check
/**
 * One service: how it does from both sides, its checks and what changed, its routes, who it talks to, its objectives.
 *
 * Given: its name. Gives: figures of the last 15 minutes, a day of beats and of calls with what happened then, checks with their history.
 * Never: a figure of another service, or "healthy" for one that is silent.
 */
import { useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { count, duration, instant, milliseconds, percent, plural } from '../format.js';
import { link, route } from '../url.js';
import { usePageKeys } from '../keys.js';
import { measure } from '../units.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Figure } from '../parts/chip.js';
import { Beats } from '../charts/beats.js';
import { errorShare, healthLook, perHour, perSecond } from '../health/words.js';
import { stateLook } from '../slo/words.js';
import { Checks, runFocused } from './service-checks.js';
import { Later } from '../parts/later.js';
import { Seen } from '../parts/seen.js';
import { moment } from './services.js';

export const name = 'Service';
export const styles = '/assets/pages/services.css';
const EVERY_MS = 5000;
const SLOW_MS = 60_000;
const DAY_MS = 86_400_000;

const course = () => import('./service-course.js');
const asked = () => decodeURIComponent(route.value.path.slice('/services/'.length));

function Crumbs() {
  return html`<a href=${link('/services', {}, ['tz'])}>Services</a> <span class="crumb">/ ${asked()}</span>`;
}

export const title = html`<${Crumbs} />`;

export function View() {
  const service = asked();
  const load = useLoad('/api/admin/monitoring/health/services', { every: EVERY_MS });
  const days = useLoad('/api/v1/health/beats', { every: SLOW_MS });
  const checks = useLoad(`/api/v1/health/checks?limit=1000&service=${encodeURIComponent(service)}`, { every: 2 * EVERY_MS, subject: service });
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  usePageKeys({ x: () => runFocused(body.current) });
  const one = load.data?.services.find((/** @type {any} */ each) => each.name === service);
  return html`<div class="page service-page" ref=${body}><${Faces} load=${load} what="the service" boxed=${true} blank=${html`<div class="card blank head-blank"></div>`}>${(/** @type {any} */ data) => (one ? html`<${Head} one=${one} seconds=${data.window_s} beats=${days.data?.services.find((/** @type {any} */ each) => each.name === service)?.beats} />`
    : html`<${Card} title="No such service"><${Empty} title="No service of this name has reported in 24 hours, and no check belongs to it."><a class="button" href=${link('/services', {}, ['tz'])}>All services</a><//><//>`)}<//>
    ${load.data && !one ? null : html`<${Later} load=${course} part="Courses" service=${service} blank=${html`<div class="services-two"><div class="card blank"></div><div class="card blank"></div></div>`} />
      <${Checks} load=${checks} title="Checks" service=${service} />
      ${checks.data?.items.length ? html`<${Changes} checks=${checks.data.items} />` : null}
      <${Seen} when=${Boolean(checks.data || checks.error)} blank=${html`<div class="card blank list-blank"></div>`}>${() => html`<${Routes} service=${service} />`}<//>
      <div class="services-two"><${Later} load=${course} part="Deployments" service=${service} blank=${html`<div class="card blank"></div>`} /><${Seen} when=${Boolean(load.data || load.error)} blank=${html`<div class="card blank list-blank"></div>`}>${() => html`<${Neighbours} service=${service} />`}<//><${Objectives} service=${service} /></div>`}</div>`;
}

/** @param {{one: any, seconds: number, beats: (string | null)[] | undefined}} props */
function Head({ one, seconds, beats }) {
  return html`<${Card} title=${one.name} sub="last 15 min" class="total-card" actions=${html`<a class="button" href=${link('/traces', { f: `service:${one.name}`, from: 'now-15m' }, ['tz'])}><${Icon} name="traces" />Traces</a>`}>
    <div class="service-head">
      <p class="state"><${Chip} look=${healthLook(one.status)} /> <span>${one.reason ?? 'Reports as usual, and no check says otherwise.'}</span></p>
      <dl class="figures">
        <div><dt>Calls</dt><dd><${Figure}>${perSecond(one.requests, seconds)}<//></dd></div>
        <div><dt>Errors</dt><dd><${Figure}>${errorShare(one)}<//></dd></div>
        <div><dt>p95</dt><dd><${Figure}>${milliseconds(one.p95_latency)}<//></dd></div>
        <div><dt>Cost</dt><dd><${Figure}>${measure('usd/h').say(perHour(one.cost, seconds))}<//></dd></div>
        <div><dt>Reported</dt><dd><${Ago} ms=${moment(one.last_seen)} /></dd></div>
      </dl>
      <div><${Beats} beats=${beats} /><p class="beat-scale" aria-hidden="true"><span>24 h ago</span><span>now</span></p></div>
    </div><//>`;
}

/** @param {{checks: any[]}} props */
function Changes({ checks }) {
  return html`<div class="services-two">${checks.map((check) => html`<${History} key=${check.id} check=${check} />`)}</div>`;
}

/** @param {{check: any}} props */
function History({ check }) {
  const load = useLoad(`/api/v1/health/checks/${encodeURIComponent(check.id)}/history?from=now-7d&limit=6`, { every: SLOW_MS, subject: check.id });
  return html`<${Card} title=${`What changed: ${check.name}`} sub="last 7 days" busy=${load.busy}><${Faces} load=${load} what="what changed">${(/** @type {any} */ data) => (data.items.length ? html`<ul class="changes">${data.items.map((/** @type {any} */ one) => html`<li key=${one.at + one.state}><span class="when quiet"><${Ago} ms=${instant(one.at)} /></span><${Chip} look=${healthLook(one.state)} /><span class="quiet">${one.reason}</span></li>`)}</ul>` : html`<${Empty} title="Nothing changed in 7 days." />`)}<//><//>`;
}

/** @param {{service: string}} props */
function Routes({ service }) {
  const load = useLoad(`/api/admin/stats/requests?period=day&limit=20&service=${encodeURIComponent(service)}`, { every: SLOW_MS, subject: service });
  return html`<${Card} title="Routes" sub="last 24 hours, asked most first" busy=${load.busy}><${Faces} load=${load} what="the routes">${(/** @type {any} */ data) => (data.top_endpoints.length ? html`<table class="table cards-narrow">
    <thead><tr><th scope="col">Route</th><th scope="col" class="num">Requests</th><th scope="col" class="num">Failed</th><th scope="col" class="num">p95</th></tr></thead>
    <tbody>${data.top_endpoints.map((/** @type {any} */ one) => html`<tr key=${one.path} class="row-link"><td class="cell-name"><a href=${link('/traces', { f: [`service:${service}`, `route:${one.path}`], from: 'now-24h' }, ['tz'])}>${one.path}</a></td><td class="num cell-figure">${count(one.count)}</td><td class="num cell-sub">${percent(one.error_rate)}<span class="narrow-only"> failed</span></td><td class="num cell-figure2"><${Figure}>${one.p95 === null ? '—' : duration(one.p95 * 1e9)}<//></td></tr>`)}</tbody></table>` : html`<${Empty} title="It was asked for nothing over HTTP in 24 hours." />`)}<//><//>`;
}

/** @param {{service: string}} props */
function Neighbours({ service }) {
  const load = useLoad(`/api/dependencies?endTs=${Math.ceil(Date.now() / SLOW_MS) * SLOW_MS}&lookback=${DAY_MS}`, { subject: service });
  return html`<${Card} title="Talks to" sub="traces of 24 hours" busy=${load.busy}><${Faces} load=${load} what="the dependencies">${(/** @type {any} */ data) => {
    const rows = data.data.filter((/** @type {any} */ one) => one.parent !== one.child && (one.parent === service || one.child === service));
    if (!rows.length) return html`<${Empty} title="No trace of it leads to another service." />`;
    return html`<ul class="list">${rows.map((/** @type {any} */ one) => {
      const other = one.parent === service ? one.child : one.parent;
      return html`<li key=${`${one.parent} ${one.child}`}><a class="list-row" href=${link(`/services/${encodeURIComponent(other)}`, {}, ['tz'])}><span class="list-main"><b>${other}</b><span class="list-sub">${one.parent === service ? 'is called by it' : 'calls it'}</span></span><span class="list-side">${plural(one.callCount, 'call')}</span></a></li>`;
    })}</ul>`;
  }}<//><//>`;
}

/** @param {{service: string}} props */
function Objectives({ service }) {
  const load = useLoad('/api/v1/slos', { every: SLOW_MS });
  return html`<${Card} title="Objectives" busy=${load.busy}><${Faces} load=${load} what="the objectives">${(/** @type {any} */ data) => {
    const mine = data.slos.filter((/** @type {any} */ slo) => slo.service === service);
    if (!mine.length) return html`<${Empty} title="No objective is about it." />`;
    return html`<ul class="list">${mine.map((/** @type {any} */ slo) => html`<li key=${slo.id}><a class="list-row" href=${link(`/slos/${encodeURIComponent(slo.name)}`, {}, ['tz'])}><span class="list-main"><b>${slo.display_name}</b></span><${Chip} look=${stateLook(slo)} /></a></li>`)}</ul>`;
  }}<//><//>`;
}
