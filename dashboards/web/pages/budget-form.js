// @ts-check
/**
 * The form of a budget: a new one, or another version of one that is there.
 *
 * Given: the budget, or null. Gives: a request. Never: what was typed thrown away because the server refused it, or an amount made a float.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { KEYS } from '../filters.js';
import { refused, request } from '../api.js';
import { plural } from '../format.js';
import { setParams } from '../url.js';
import { toast } from '../parts/toast.js';
import { DIMENSIONS, FLAGS, PERIODS, bodyOf } from '../budget/words.js';
import { mistakesOf } from '../mistakes.js';

/** @param {{name: string, label: string, help?: string, wrong: Record<string, string>, children: any}} props */
function Field({ name, label, help, wrong, children }) {
  return html`<div class="field"><label for=${`budget-${name}`}>${label}</label>${children}
    <p class="quiet small help" id=${`budget-${name}-help`}>${help ?? ''}</p><p class="field-error" id=${`budget-${name}-wrong`}>${wrong[name] ?? ''}</p></div>`;
}

/** @param {{budget: any, done: () => void}} props */
export function BudgetForm({ budget, done }) {
  const [was] = useState(budget ?? { period: 'monthly', window: 'calendar', enabled: true, ...Object.fromEntries(FLAGS.map(([name, , on]) => [name, on])) });
  const [rolling, setRolling] = useState(was.window === 'rolling');
  const [wrong, setWrong] = useState(/** @type {Record<string, string>} */ ({}));
  const [busy, setBusy] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const sorry = Object.keys(wrong).length;
  useLayoutEffect(() => { form.current?.querySelector('input')?.focus(); }, []);
  useLayoutEffect(() => { if (sorry) /** @type {HTMLElement | null} */ (form.current?.querySelector('[aria-invalid=true]'))?.focus(); }, [wrong]);
  const leave = () => setParams({ edit: null });
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    const failure = await refused(async () => {
      const body = bodyOf(new FormData(/** @type {HTMLFormElement} */ (form.current)), budget ? was.version : null);
      await request(`/api/v1/budgets${budget ? `/${was.id}` : ''}`, { method: budget ? 'PUT' : 'POST', body });
      toast(budget ? 'The budget is changed' : 'The budget is made');
      leave();
      done();
    });
    if (!failure) return;
    setBusy(false);
    setWrong(mistakesOf(failure.problem, failure.message, (name) => Boolean(form.current?.elements.namedItem(name))));
  };
  const input = (/** @type {string} */ name, /** @type {Record<string, any>} */ more = {}) => html`<input id=${`budget-${name}`} name=${name} defaultValue=${was[name] ?? ''} autocomplete="off" spellcheck=${false} aria-invalid=${Boolean(wrong[name])} aria-describedby=${`budget-${name}-wrong budget-${name}-help`} ...${more} />`;
  const check = (/** @type {string} */ name, /** @type {string} */ label) => html`<label class="check"><input type="checkbox" name=${name} defaultChecked=${Boolean(was[name])} /> ${label}</label>`;
  return html`<form class="budget-edit" ref=${form} onSubmit=${submit} noValidate>
    ${sorry ? html`<p class="field-error" role="alert"><${Icon} name="octagon" /> ${wrong[''] ?? `Not saved: ${plural(sorry, 'field needs', 'fields need')} another value.`}</p>` : null}
    <div class="fields">
      <${Field} name="name" label="Name" wrong=${wrong}>${input('name', { maxlength: 200 })}<//>
      <${Field} name="limit_amount" label="Limit in USD" wrong=${wrong} help="a period, such as 500 or 0.25">${input('limit_amount', { inputmode: 'decimal' })}<//>
      <${Field} name="period" label="Period" wrong=${wrong}><select id="budget-period" name="period">${Object.entries(PERIODS).map(([key, text]) => html`<option key=${key} value=${key} selected=${was.period === key}>${text}</option>`)}</select><//>
      <${Field} name="window" label="Window" wrong=${wrong}><select id="budget-window" name="window" onChange=${(/** @type {any} */ event) => setRolling(event.currentTarget.value === 'rolling')}><option value="calendar" selected=${was.window === 'calendar'}>Of the calendar</option><option value="rolling" selected=${was.window === 'rolling'}>The last 1, 7 or 30 days</option></select><//>
      <${Field} name="timezone" label="Time zone" wrong=${wrong} help=${rolling ? 'only of the calendar' : 'such as Europe/Berlin; empty: the server’s'}>${input('timezone', { disabled: rolling })}<//>
      <${Field} name="rollover_limit" label="Carried over at most, USD" wrong=${wrong} help=${rolling ? 'only of the calendar' : 'of what was left before; empty: nothing'}>${input('rollover_limit', { inputmode: 'decimal', disabled: rolling })}<//>
      <${Field} name="forecast_percent" label="Forecast threshold, %" wrong=${wrong} help="100 tells before the money is gone; empty: none">${input('forecast_percent', { inputmode: 'decimal' })}<//>
      <${Field} name="description" label="Description" wrong=${wrong}>${input('description', { maxlength: 1000 })}<//>
    </div>
    <fieldset class="checks"><legend>Worth a word at</legend>${FLAGS.map(([name, label]) => check(name, label))}</fieldset>
    <fieldset><legend>Only calls with <span class="quiet">exactly these values; empty: all</span></legend><div class="fields">${DIMENSIONS.map((name) => html`<${Field} key=${name} name=${name} label=${KEYS[/** @type {keyof typeof KEYS} */ (name)]} wrong=${wrong}>${input(name, { maxlength: 256 })}<//>`)}</div></fieldset>
    <div class="bar">${check('enabled', 'Watch it')}<span class="bar-end"><button class="button" type="button" onClick=${leave}>Cancel</button><button class="button primary" type="submit" disabled=${busy}>${busy ? 'Saving…' : budget ? 'Save' : 'Make it'}</button></span></div></form>`;
}
