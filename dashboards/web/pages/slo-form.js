// @ts-check
/**
 * The form of an objective: a new one, or another definition of one that is there, tried on stored history before it is kept.
 *
 * Given: nothing, or the name of an objective. Gives: a request. Never: what was typed thrown away because the server refused it.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { refused, request, session, useLoad } from '../api.js';
import { percent, plural, whole } from '../format.js';
import { link, navigate, route } from '../url.js';
import { mistakesOf } from '../mistakes.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { toast } from '../parts/toast.js';
import { METHODS, PRESETS, bodyOf, fieldsOf, placeOf } from '../slo/form.js';
import { SLICE, groupsRows, inItsRow, pairsRows, partsRows, sliceRows } from '../slo/members.js';
import { modelOf } from '../slo/indicator.js';
import { exactPercent, pairName, span } from '../slo/words.js';
import { IndicatorForm } from './slo-indicator.js';
import { GroupRows, Pairs, Slices, readJson } from './slo-rows.js';

export const name = 'Objective';
export const styles = '/assets/pages/pledges.css';

const asked = () => (route.value.path.endsWith('/edit') ? decodeURIComponent(route.value.path.split('/')[2]) : '');

function Crumbs() {
  return html`<a href=${link('/slos', {}, ['tz'])}>SLOs</a> <span class="crumb">/ ${asked() || 'new'}</span>`;
}

export const title = html`<${Crumbs} />`;

/** @param {{argument: string}} props */
export function View({ argument }) {
  return html`<div class="page slo-page">${argument ? html`<${Kept} name=${argument} />` : html`<${Form} kept=${null} />`}</div>`;
}

/** @param {{name: string}} props */
function Kept({ name: key }) {
  const load = useLoad(`/api/v1/slos/${key}`);
  if (load.error?.status === 404) return html`<${Card} title="No such objective"><${Empty} title="There is no objective of this name."><a class="button" href=${link('/slos', {}, ['tz'])}>All objectives</a><//><//>`;
  return html`<${Faces} load=${load} what="the objective" boxed=${true} blank=${html`<div class="card blank list-blank"></div>`}>${(/** @type {any} */ slo) => html`<${Form} key=${slo.generation} kept=${slo} />`}<//>`;
}

/** @param {{name: string, label: string, help?: string, wrong: Record<string, string>, children: any}} props */
function Field({ name: key, label, help, wrong, children }) {
  return html`<div class="field"><label for=${`slo-${key}`}>${label}</label>${children}
    <p class="quiet small help" id=${`slo-${key}-help`}>${help ?? ''}</p><p class="field-error" id=${`slo-${key}-wrong`}>${wrong[key] ?? ''}</p></div>`;
}

/** Whether rows can say all of these members. @param {Record<string, string>} texts */
function inRows(texts) {
  const [indicator, slice, groups, alerting] = [texts.indicator, texts.slice, texts.groups, texts.alerting].map(readJson);
  return [indicator, slice, groups, alerting].every((one) => one !== undefined) && (modelOf(indicator) ?? partsRows(indicator)) !== null && sliceRows(slice) !== null && groupsRows(groups) !== null && pairsRows(alerting) !== null;
}

/** The slices of another method: what it needs is there, what it does not know is gone. @param {string} method @param {string} text */
function slicesFor(method, text) {
  const given = readJson(text);
  if (given === undefined || method === 'occurrences') return text;
  const { window, target, events } = { ...SLICE, ...given };
  return JSON.stringify({ window, ...(method === 'ratio_timeslices' ? {} : given?.events === undefined ? { target } : { events }) }, null, 2);
}

/** @param {{kept: any}} props */
function Form({ kept }) {
  const [was] = useState(() => fieldsOf(kept?.definition ?? null));
  const [texts, setTexts] = useState(() => /** @type {Record<string, string>} */ ({ indicator: was.indicator, slice: was.slice, groups: was.groups, alerting: was.alerting }));
  const [method, setMethod] = useState(was.method);
  const unsaid = !inRows(texts);
  const [json, setJson] = useState(unsaid); // rows do not take the place of a text that somebody is typing
  const [at, setAt] = useState(/** @type {Set<string>} */ (new Set()));
  const [wrong, setWrong] = useState(/** @type {Record<string, string>} */ ({}));
  const [busy, setBusy] = useState('');
  const [tried, setTried] = useState(/** @type {any} */ (null));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const may = session.value?.role === 'admin';
  const sorry = Object.keys(wrong).length;
  useLayoutEffect(() => { if (sorry) /** @type {HTMLElement | null} */ (form.current?.querySelector('[aria-invalid=true]'))?.focus(); }, [wrong]);
  const ask = async (/** @type {'try' | 'keep'} */ what) => {
    const { body, wrong: unread } = bodyOf(new FormData(/** @type {HTMLFormElement} */ (form.current)), kept?.definition ?? {});
    setAt(new Set());
    if (Object.keys(unread).length) return setWrong(unread);
    setBusy(what);
    const failure = await refused(async () => {
      if (what === 'try') setTried((await request('/api/v1/slos/simulate?from=now-30d', { method: 'POST', body })).slos[0]);
      else {
        const made = await request(`/api/v1/slos${kept ? `/${kept.id}` : ''}`, { method: kept ? 'PUT' : 'POST', body });
        toast(kept ? 'The objective is changed' : 'The objective is made');
        return navigate(link(`/slos/${made.name}`, {}, ['tz']));
      }
    });
    const told = failure?.problem.errors ?? [failure?.problem];
    const each = told.map((/** @type {any} */ one) => ({ ...one, parameter: placeOf(String(one?.parameter ?? '')), ...(one?.allowed ? { allowed: inItsRow(String(one.parameter), String(one.allowed)) } : {}) }));
    setAt(new Set(told.map((/** @type {any} */ one) => String(one?.parameter ?? ''))));
    setWrong(failure ? mistakesOf({ ...failure.problem, errors: each }, failure.message, (key) => Boolean(form.current?.elements.namedItem(key))) : {});
    setBusy('');
  };
  const submit = (/** @type {SubmitEvent} */ event) => { event.preventDefault(); ask('keep'); };
  const more = (/** @type {string} */ key) => ({ id: `slo-${key}`, name: key, autocomplete: 'off', spellcheck: false, 'aria-invalid': Boolean(wrong[key]), 'aria-describedby': `slo-${key}-wrong slo-${key}-help` });
  const input = (/** @type {string} */ key, /** @type {Record<string, any>} */ extra = {}) => html`<input defaultValue=${was[key]} ...${more(key)} ...${extra} />`;
  const say = (/** @type {string} */ key) => (/** @type {string} */ text) => setTexts((before) => ({ ...before, [key]: text }));
  const member = (/** @type {string} */ key) => ({ text: texts[key], onText: say(key), wrong: wrong[key] ?? '', at, json, more: more(key) });
  const countBy = (/** @type {any} */ event) => { setMethod(event.target.value); say('slice')(slicesFor(event.target.value, texts.slice)); };
  const preset = (/** @type {any} */ event) => {
    const found = PRESETS[event.currentTarget.value];
    if (found) say('indicator')(JSON.stringify(found.indicator, null, 2));
  };
  return html`<${Card} title=${kept ? kept.display_name : 'A new objective'} sub=${kept ? `generation ${kept.generation}; another definition holds for the past as well` : ''}><form class="budget-edit" ref=${form} onSubmit=${submit} noValidate>
    ${sorry ? html`<p class="field-error" role="alert"><${Icon} name="octagon" /> ${wrong[''] ?? `Not done: ${plural(sorry, 'field needs', 'fields need')} another value.`}</p>` : null}
    <div class="fields">
      <${Field} name="name" label="Name" wrong=${wrong} help="small letters, digits and hyphens">${input('name', { maxlength: 63 })}<//>
      <${Field} name="display_name" label="For people" wrong=${wrong}>${input('display_name', { maxlength: 200 })}<//>
      <${Field} name="service" label="Service" wrong=${wrong}>${input('service', { maxlength: 200 })}<//>
      <${Field} name="target" label="Target, %" wrong=${wrong} help="such as 99.9">${input('target', { inputmode: 'decimal' })}<//>
      <${Field} name="window" label="Window" wrong=${wrong} help="28d, 7d; of a calendar 1d, 1w, 1M or 1Y">${input('window')}<//>
      <${Field} name="timezone" label="Time zone of the calendar" wrong=${wrong} help="such as Europe/Berlin; empty: the window rolls">${input('timezone')}<//>
      <${Field} name="method" label="A budget of" wrong=${wrong}><select ...${more('method')} onChange=${countBy}>${Object.entries(METHODS).map(([key, text]) => html`<option key=${key} value=${key} selected=${was.method === key}>${text}</option>`)}</select><//>
      <${Field} name="preset" label="Begin with" wrong=${wrong} help="fills in what is counted"><select id="slo-preset" onChange=${preset}><option value="">What stands below</option>${Object.entries(PRESETS).map(([key, one]) => html`<option key=${key} value=${key}>${one.text}</option>`)}</select><//>
    </div>
    <${IndicatorForm} ...${member('indicator')} />
    ${method === 'occurrences' ? null : html`<${Slices} ...${member('slice')} method=${method} />`}
    <${GroupRows} ...${member('groups')} kind=${readJson(texts.indicator)?.kind ?? ''} />
    <${Pairs} ...${member('alerting')} />
    ${tried ? html`<${Tried} found=${tried} target=${was.target} />` : null}
    <div class="bar"><button class="button" type="button" aria-pressed=${json} disabled=${json && unsaid} title=${unsaid ? 'Rows cannot say all of this' : undefined} onClick=${() => setJson(!json)}>As JSON</button><button class="button" type="button" disabled=${Boolean(busy)} onClick=${() => ask('try')}>${busy === 'try' ? 'Trying…' : 'Try it on the last 30 days'}</button>
      <span class="bar-end">${may ? null : html`<span class="quiet small">Keeping it needs the admin role.</span>`}<a class="button" href=${link(kept ? `/slos/${kept.name}` : '/slos', {}, ['tz'])}>Cancel</a><button class="button primary" type="submit" disabled=${Boolean(busy) || !may}>${busy === 'keep' ? 'Saving…' : kept ? 'Save' : 'Make it'}</button></span></div></form><//>`;
}

/** What it would have come to. @param {{found: any, target: string}} props */
function Tried({ found, target }) {
  const told = found.pairs.filter((/** @type {any} */ pair) => pair.alerts.length).map((/** @type {any} */ pair) => `${pairName(pair)}: ${plural(pair.alerts.length, 'alert')}`);
  const late = found.pairs.flatMap((/** @type {any} */ pair) => pair.alerts.map((/** @type {any} */ one) => one.late_s ?? 0));
  return html`<p class="tried" role="status">Over the last 30 days: ${exactPercent(found.achieved_performance, Number(target))} of ${whole(found.total)} good, ${percent(found.remaining_ratio)} of the budget left; ${plural(found.incidents.length, 'incident')}, ${found.missed_incidents} without an alert.
    ${told.length ? `${told.join('; ')}; ${found.false_alerts} false, at most ${span(Math.max(...late))} after the incident began.` : 'Nobody would have been told.'}</p>`;
}
