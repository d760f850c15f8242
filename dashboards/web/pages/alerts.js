// @ts-check
/**
 * Alerts: what fires now and who takes care of it; what fired before.
 *
 * Given: the alerts of the server, asked again every few seconds. Gives: a sentence, the list, acknowledge and silence in one click.
 * Never: "all clear" while a rule cannot be evaluated, or a row that moves under the pointer.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { refused, request, useLoad } from '../api.js';
import { now, topics } from '../live.js';
import { instant, plural, whole } from '../format.js';
import { link, params, route, setParams, spell } from '../url.js';
import { usePageKeys } from '../keys.js';
import { between } from '../alert/many.js';
import { summary } from '../alert/sentence.js';
import { labelsOf, lasted, measured, severityLook, stateLook } from '../alert/words.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { useSteady } from '../parts/hooks.js';
import { NotAllowed, isAdmin } from '../parts/form.js';
import { AlertPlaces } from '../parts/places.js';
import { toast } from '../parts/toast.js';
import { Many } from './alerts-many.js';

export const title = 'Alerts';
export const styles = '/assets/pages/alerts.css';
const SEVERITIES = ['critical', 'error', 'warning', 'info'];

const SOME = '200';
const MOST = '1000';

/** The severity that is asked for, if any. */
function severityAsked() {
  const severity = params.value.get('severity');
  return severity && SEVERITIES.includes(severity) ? severity : null;
}

/** @param {string} state */
function address(state) {
  const search = new URLSearchParams({ state, limit: params.value.get('limit') === MOST ? MOST : SOME });
  const severity = severityAsked();
  if (severity) search.set('severity', severity);
  return `/api/v1/alerts${spell(search)}`;
}

export function View() {
  const history = route.value.path === '/alerts/history';
  const load = useLoad(address(history ? 'any' : 'active'), { every: 5000, subject: `${history} ${severityAsked()}` });
  const told = topics.alerts.value; // whole, and another one whenever an alert changed
  const before = useRef(told);
  useEffect(() => {
    if (before.current && told !== before.current) load.reload();
    before.current = told;
  }, [told]);
  const rules = useLoad('/api/v1/rules?limit=1000', { every: 60_000 });
  const blind = load.data ? load.data.items.filter((/** @type {any} */ one) => one.kind !== 'alert' && one.state !== 'resolved').length : 0;
  const counted = !history && load.data?.next_cursor && !severityAsked() ? topics.alerts.value : null; // the list has not all of them
  const total = counted ? counted.needs + counted.acknowledged + counted.held_back + counted.pending : 0;
  const watched = rules.data ? { rules: rules.data.items.filter((/** @type {any} */ one) => one.enabled).length, blind } : null;
  return html`<div class="page alerts-page">
    ${history || !load.data || (load.data.next_cursor && !counted) ? null : html`<${Sentence} told=${summary(load.data.items.filter((/** @type {any} */ one) => one.kind === 'alert'), watched, counted)} />`}
    <${AlertPlaces} /><div class="bar"><${Severities} /><span class="bar-end"><${NotAllowed} what="Acknowledging" /></span></div>
    <${Card} title=${history ? 'What fired' : 'Active'} sub=${load.data ? (load.data.next_cursor ? `the newest ${load.data.items.length}${total ? ` of ${whole(total)}` : ''}` : plural(load.data.items.length, 'alert')) : ''} busy=${load.busy}><${Faces} load=${load} what="alerts" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (data.items.length ? html`<${List} items=${data.items} reload=${load.reload} history=${history} total=${data.next_cursor ? total - (counted?.pending ?? 0) : null} />${data.next_cursor && data.items.length < Number(MOST) ? html`<p class="face-note"><button class="button" onClick=${() => setParams({ limit: MOST })}>Show a thousand</button></p>` : null}` : html`<${Nothing} history=${history} rules=${rules.data} />`)}<//><//>
  </div>`;
}

/** @param {{told: {text: string, tone: string, icon: string}}} props */
function Sentence({ told }) {
  return html`<section class=${`sentence ${told.tone}`} aria-label="Alerts in a sentence"><${Icon} name=${told.icon} /><div class="sentence-text"><h2>${told.text}</h2></div></section>`;
}

function Severities() {
  const chosen = params.value.get('severity') ?? '';
  return html`<div class="segments" role="group" aria-label="Severity">${['', ...SEVERITIES].map((one) => html`<button key=${one} aria-pressed=${one === chosen} onClick=${() => setParams({ severity: one || null })}>${one ? severityLook(one).word : 'Any'}</button>`)}</div>`;
}

/** @param {{items: any[], reload: () => void, history: boolean, total: number | null}} props total: of all that fire, where these are not all; 0: not known */
function List({ items, reload, history, total }) {
  const { shown, waiting, hold } = useSteady(history ? items.filter((one) => one.state !== 'pending') : items, (/** @type {any} */ one) => one.id);
  const [at, setAt] = useState(-1);
  const [wrong, setWrong] = useState(/** @type {Record<string, string>} */ ({}));
  const [chosen, setChosen] = useState(/** @type {Set<string>} */ (new Set()));
  const [all, setAll] = useState(false);
  const last = useRef(/** @type {string | null} */ (null));
  const open = shown.filter(fires);
  const meant = open.filter((one) => chosen.has(one.id)); // what ended meanwhile is not
  const choose = (/** @type {string[]} */ ids, /** @type {boolean} */ on) => {
    setAll(false);
    setChosen(new Set(on ? [...chosen, ...ids] : [...chosen].filter((id) => !ids.includes(id))));
  };
  const tick = (/** @type {any} */ one, /** @type {boolean} */ stretch) => {
    const ids = stretch ? between(open.map((each) => each.id), last.current, one.id) : [one.id];
    choose(ids, !chosen.has(one.id));
    last.current = one.id;
  };
  const none = () => { setChosen(new Set()); setAll(false); };
  const severity = severityAsked();
  const filter = all ? { filter: { state: 'firing', ...(severity ? { severity } : {}) }, count: total || null } : null;
  const move = (/** @type {number} */ by) => {
    const next = Math.max(0, Math.min(shown.length - 1, at + by));
    setAt(next);
    /** @type {HTMLElement | null} */ (document.querySelector(`[data-row="${next}"]`))?.focus();
  };
  const act = async (/** @type {any} */ one, /** @type {string} */ what) => {
    const failure = await refused(() => request(`/api/v1/alerts/${one.id}/${what}`, { method: 'POST', body: {} }));
    setWrong(failure ? { [one.id]: failure.message } : {});
    if (!failure && what === 'acknowledge') toast(`Acknowledged: ${one.rule_name ?? 'alert'}`);
    reload();
  };
  usePageKeys({ j: () => move(1), k: () => move(-1), a: () => (shown[at] && !shown[at].acknowledged ? act(shown[at], 'acknowledge') : false), x: () => (isAdmin() && shown[at] && fires(shown[at]) ? tick(shown[at], false) : false) });
  const every = open.length > 0 && meant.length === open.length;
  return html`${isAdmin() && open.length > 1 ? html`<div class="alert-choose"><label class="check"><input type="checkbox" checked=${every} indeterminate=${meant.length > 0 && !every} onChange=${() => (every ? none() : choose(open.map((one) => one.id), true))} /> ${meant.length ? html`<span class="hidden-text">All of the list</span>` : 'Choose all'}</label>
      ${meant.length ? html`<${Many} chosen=${meant} all=${filter} everything=${every && total !== null ? () => setAll(true) : null} done=${() => { none(); reload(); }} clear=${none} />` : null}</div>` : null}
    <ol class=${`alert-list${isAdmin() ? ' choosing' : ''}`} ...${hold}>${shown.map((one, index) => html`<${Row} key=${one.id} one=${one} index=${index} act=${act} wrong=${wrong[one.id]} history=${history} chosen=${chosen.has(one.id)} tick=${tick} />`)}</ol>
    ${waiting ? html`<p class="face-note" role="status">${plural(waiting, 'more alert')} when you leave the list.</p>` : null}`;
}

/** @param {any} one */
const fires = (one) => one.state === 'firing' || one.state === 'recovering';

/** @param {{one: any, index: number, act: (one: any, what: string) => void, wrong?: string, history: boolean, chosen: boolean, tick: (one: any, stretch: boolean) => void}} props */
function Row({ one, index, act, wrong, history, chosen, tick }) {
  const admin = isAdmin();
  const value = measured(one);
  const began = instant(one.started_at);
  const ended = instant(one.resolved_at);
  return html`<li class=${`alert-row ${one.state}${chosen ? ' chosen' : ''}`}>
    ${admin ? html`<span class="alert-tick">${fires(one) ? html`<input type="checkbox" aria-label=${`Choose ${one.message}`} checked=${chosen} onClick=${(/** @type {MouseEvent} */ event) => tick(one, event.shiftKey)} />` : null}</span>` : null}
    <${Chip} look=${severityLook(one.severity)} />
    <div class="alert-what"><a data-row=${index} href=${link(`/alerts/${one.id}`, {}, ['tz'])}>${one.message}</a>
      <p class="quiet small">${[value, ...labelsOf(one.labels).map(([name, text]) => `${name}=${text}`)].filter(Boolean).join(' · ')}${one.flapping ? ' · flapping: told once' : ''}${one.reason ? ` · ${one.reason}` : ''}</p>
      ${wrong ? html`<p class="field-error" role="alert">${wrong}</p>` : null}</div>
    <${Chip} look=${stateLook(one)} plain=${true} title=${one.held_back?.why ?? (one.acknowledged ? `by ${one.acknowledged.by}` : undefined)} />
    <span class="alert-when quiet">${history && ended !== null ? html`<${Ago} ms=${began} /> · ${lasted(began, ended)}` : html`<${Ago} ms=${began} />`}</span>
    <span class="alert-acts">${fires(one) ? html`
      <button class="button" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => act(one, one.acknowledged ? 'unacknowledge' : 'acknowledge')}>${one.acknowledged ? 'Undo ack' : 'Ack'}</button>
      <a class="button" href=${link('/alerts/silences', { of: one.id }, ['tz'])}>Silence</a>` : null}</span></li>`;
}

/** @param {{history: boolean, rules: any}} props */
function Nothing({ history, rules }) {
  if (params.value.get('severity')) return html`<${Empty} title="No alert of this severity."><button class="button" onClick=${() => setParams({ severity: null })}>All severities</button><//>`;
  const off = rules?.items.filter((/** @type {any} */ one) => !one.enabled).length ?? 0;
  return html`<${Empty} title=${history ? 'Nothing has fired yet.' : 'No alert fires.'}>
    ${off ? html`<p class="quiet">${plural(off, 'rule')} ${off === 1 ? 'is' : 'are'} ready but switched off.</p>` : null}<a class="button" href=${link('/alerts/rules', {}, ['tz'])}>See the rules</a>
    <p class="quiet small">Last looked ${new Date(now.value).toISOString().slice(11, 19)} UTC.</p><//>`;
}
