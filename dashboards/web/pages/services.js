// @ts-check
/**
 * Services: what runs, whether each part answers, and whether the monitor itself is well; worst first.
 *
 * Given: services, checks, beats, the system, providers, this backend. Gives: one sentence, a row each.
 * Never: a good word for a service that is silent, or a zero for what nobody counted.
 */
import { useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { instant, milliseconds, plural } from '../format.js';
import { link } from '../url.js';
import { usePageKeys } from '../keys.js';
import { measure } from '../units.js';
import { Card, Empty, Faces, FirstSteps } from '../parts/card.js';
import { useSteady } from '../parts/hooks.js';
import { Later } from '../parts/later.js';
import { Seen } from '../parts/seen.js';
import { Room, useRowKeys, useWindowed } from '../parts/windowed.js';
import { Ago, Chip, Figure } from '../parts/chip.js';
import { Beats } from '../charts/beats.js';
import { checkCount, errorShare, healthLook, perHour, perSecond } from '../health/words.js';
import { Checks, runFocused } from './service-checks.js';
import { Providers, System, ThisServer } from './service-parts.js';

export const title = 'Services';
export const styles = '/assets/pages/services.css';
const EVERY_MS = 5000;
const SLOW_MS = 60_000;
const ROW_PX = 49;
const WHOLE = 60; // rows; of more, those in sight are drawn

export function View() {
  const load = useLoad('/api/admin/monitoring/health/services', { every: EVERY_MS });
  const days = useLoad('/api/v1/health/beats', { every: SLOW_MS });
  const checks = useLoad('/api/v1/health/checks?limit=1000', { every: 2 * EVERY_MS });
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const walk = useRef((/** @type {number} */ by) => {});
  usePageKeys({ j: () => walk.current(1), k: () => walk.current(-1), x: () => runFocused(body.current) });
  const told = Boolean((load.data || load.error) && (checks.data || checks.error));
  return html`<div class="page services-page" ref=${body}><${Faces} load=${load} what="the services" boxed=${true} blank=${html`<div class="card blank head-blank"></div><div class="card blank list-blank"></div>`}>${(/** @type {any} */ data) => html`<${Standing} data=${data} />
      <${Services} data=${data} beats=${days.data?.services ?? []} walk=${walk} />`}<//>
    <${Checks} load=${checks} title="Checks" />
    <${Seen} when=${told} blank=${html`<div class="services-two"><div class="card blank list-blank"></div><div class="card blank list-blank"></div></div>`}>${() => html`<div class="services-two"><${System} /><${Providers} load=${load} /></div>`}<//>
    <${Seen} when=${told} blank=${html`<div class="card blank list-blank"></div>`}>${() => html`<${Later} load=${() => import('./services-graph.js')} part="Graph" services=${load.data?.services ?? []} blank=${html`<div class="card blank list-blank"></div>`} />`}<//>
    <${Seen} when=${told} blank=${html`<div class="card blank list-blank"></div>`}>${() => html`<${ThisServer} />`}<//></div>`;
}

/** @param {{data: any}} props */
function Standing({ data }) {
  const said = healthLook(data.status);
  const counts = ['down', 'degraded', 'unknown', 'healthy'].filter((state) => data.counts[state]).map((state) => `${data.counts[state]} ${healthLook(state).word.toLowerCase()}`);
  return html`<div class=${`sentence ${said.tone}`}><${Icon} name=${said.icon} /><div class="sentence-text"><h2>${data.sentence}</h2>${counts.length ? html`<p>${plural(data.total_services, 'service')}: ${counts.join(', ')}</p>` : null}</div></div>`;
}

/** @param {{data: any, beats: any[], walk: {current: (by: number) => void}}} props */
function Services({ data, beats, walk }) {
  const { shown, hold } = useSteady(data.services, (one) => one.name);
  const sight = useWindowed(shown.length, ROW_PX, WHOLE);
  const { move, follow } = useRowKeys(shown.length, sight);
  walk.current = move;
  if (!data.services.length) {
    return html`<${Card} title="Services"><${Empty} title="No service has reported in 24 hours, and no check belongs to one."><${FirstSteps} /><//><//>`;
  }
  const day = new Map(beats.map((one) => [one.name, one.beats]));
  return html`<${Card} title="Services" sub="last 15 min, worst first"><div ...${hold}><table class="table cards-narrow services-table" aria-rowcount=${shown.length + 1}>
    <thead><tr><th scope="col">Service</th><th scope="col">Health</th><th scope="col" class="num">Calls</th><th scope="col" class="num">Errors</th><th scope="col" class="num">p95</th><th scope="col" class="num">Cost</th><th scope="col" class="num wide-cell">Seen</th><th scope="col">24 h</th></tr></thead>
    <tbody ref=${sight.body} onFocusIn=${follow}><${Room} key="before" height=${sight.before} columns="8" />${shown.slice(sight.first, sight.last).map((one, offset) => html`<${Row} key=${one.name} one=${one} index=${sight.first + offset} seconds=${data.window_s} beats=${day.get(one.name)} />`)}<${Room} key="after" height=${sight.after} columns="8" /></tbody></table></div><//>`;
}

/** @param {{one: any, index: number, seconds: number, beats: (string | null)[] | undefined}} props */
function Row({ one, index, seconds, beats }) {
  const look = healthLook(one.status);
  return html`<tr class="row-link" aria-rowindex=${index + 2}>
    <td class="cell-name"><a data-row=${index} href=${link(`/services/${encodeURIComponent(one.name)}`, {}, ['tz'])} title=${one.name}>${one.name}</a><span class="cell-under" title=${one.reason ?? undefined}>${one.reason ?? checkCount(one.checks)}</span></td>
    <td class="cell-state"><${Chip} look=${look} title=${one.reason ?? undefined} /></td>
    <td class="num cell-figure"><${Figure}>${perSecond(one.requests, seconds)}<//></td>
    <td class="num cell-sub"><${Figure}>${errorShare(one)}<//><span class="narrow-only"> errors</span></td>
    <td class="num cell-figure2" title="95th percentile"><${Figure}>${milliseconds(one.p95_latency)}<//><span class="narrow-only"> p95</span></td>
    <td class="num wide-cell"><${Figure}>${measure('usd/h').say(perHour(one.cost, seconds))}<//></td>
    <td class="num wide-cell quiet"><${Ago} ms=${moment(one.last_seen)} /></td>
    <td class="cell-beats"><${Beats} beats=${beats} /></td></tr>`;
}

/** A moment as the server may write it: RFC 3339, or seconds since 1970. @param {string | number | null} value */
export const moment = (value) => (typeof value === 'number' ? value * 1000 : instant(value));
