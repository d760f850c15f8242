// @ts-check
/**
 * The form of a rule: its kind and what that says, how long, how bad, who is told; and what it would have done, before it is kept.
 *
 * Given: a rule to change, or none. Gives: the kept rule. Never: what was typed lost when the server says no.
 */
import { useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { refused, request, useLoad } from '../api.js';
import { Card } from '../parts/card.js';
import { severityLook } from '../alert/words.js';
import { KINDS, KindFields, kindBody } from './rule-kinds.js';
import { Replay } from './rule-replay.js';

const SEVERITIES = ['critical', 'error', 'warning', 'info'];

/** Kinds that have no labels to choose by. */
const WHOLE = ['budget', 'forecast', 'burn_rate', 'composite'];

/** What the fields say, as the API has it. @param {HTMLFormElement} form @param {any} rule */
function body(form, rule) {
  const fields = new FormData(form);
  const text = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const filters = Object.fromEntries(text('filters').split(',').map((one) => one.trim().split('=')).filter((pair) => pair.length === 2).map(([key, value]) => [key.trim(), value.trim()]));
  return {
    name: text('name'), ...kindBody(text('kind'), text), severity: text('severity'), duration_seconds: Math.round(Number(text('minutes') || '0') * 60),
    ...(WHOLE.includes(text('kind')) ? { filters: null, group_by: null } : { filters, group_by: text('group_by').split(',').map((one) => one.trim()).filter(Boolean) }), notification_channels: fields.getAll('channels').map(String),
    cooldown_minutes: Number(text('cooldown') || '15'), annotations: { ...(rule?.annotations ?? {}), ...(text('runbook') ? { runbook_url: text('runbook') } : {}) },
  };
}

/** @param {{rule: any, close: () => void, done: (text: string) => void}} props */
export function RuleForm({ rule, close, done }) {
  const metrics = useLoad('/api/v1/rules/metrics');
  const channels = useLoad('/api/v1/channels');
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const [wrong, setWrong] = useState(/** @type {import('../api.js').ApiError | null} */ (null));
  const [replay, setReplay] = useState(/** @type {any} */ (null));
  const [kind, setKind] = useState(rule?.kind in KINDS ? rule.kind : 'threshold');
  const asked = async (/** @type {(given: any) => Promise<void>} */ what) => {
    setWrong(null);
    setWrong(await refused(() => what(body(/** @type {HTMLFormElement} */ (form.current), rule))));
  };
  const keep = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    asked(async (given) => {
      await request(rule ? `/api/v1/rules/${rule.id}` : '/api/v1/rules', { method: rule ? 'PUT' : 'POST', body: given });
      done(rule ? `Changed: ${given.name}` : `Made: ${given.name}`);
    });
  };
  const dry = () => asked(async (given) => { setReplay(await request('/api/v1/rules/backtest', { method: 'POST', body: { rule: rule && given.kind === undefined ? rule.id : given, from: 'now-7d', to: 'now' } })); });
  const plain = rule?.kind === 'threshold' && rule.metric && rule.operator && rule.threshold !== null ? `${rule.metric} ${rule.operator} ${rule.threshold}` : '';
  return html`<${Card} title=${rule ? `Change ${rule.name}` : 'New rule'}>
    <form class="rule-form" ref=${form} onSubmit=${keep}>
      <label class="wide">Name<input name="name" required maxlength="200" autocomplete="off" defaultValue=${rule?.name ?? ''} /></label>
      <label>Kind<select name="kind" value=${kind} onChange=${(/** @type {any} */ event) => setKind(event.target.value)}>${Object.entries(KINDS).map(([key, one]) => html`<option key=${key} value=${key} selected=${key === kind}>${one.word}</option>`)}</select></label>
      <p class="quiet small kind-help">${KINDS[kind].help}.</p>
      <${KindFields} key=${kind} kind=${kind} rule=${rule} plain=${plain} />
      <datalist id="rule-names">${(metrics.data?.items ?? []).map((/** @type {any} */ one) => html`<option value=${one.name} label=${one.meaning}></option>`)}</datalist>
      <datalist id="rule-metrics">${(metrics.data?.items ?? []).map((/** @type {any} */ one) => html`<option value=${`${one.name} > `} label=${one.meaning}></option>`)}</datalist>
      <label>For at least (min)<input name="minutes" type="number" min="0" step="any" defaultValue=${rule ? rule.duration_seconds / 60 : 5} /></label>
      <label>Severity<select name="severity">${SEVERITIES.map((one) => html`<option value=${one} selected=${one === (rule?.severity ?? 'warning')}>${severityLook(one).word}</option>`)}</select></label>
      <label>Not again within (min)<input name="cooldown" type="number" min="0" step="any" defaultValue=${rule?.cooldown_minutes ?? 15} /></label>
      ${WHOLE.includes(kind) ? null : html`<label>Only where<input name="filters" autocomplete="off" placeholder="service=chat, model=gpt-5" defaultValue=${Object.entries(rule?.filters ?? {}).map(([key, value]) => `${key}=${[value].flat()[0]}`).join(', ')} /></label>
      <label>One alert for each<input name="group_by" autocomplete="off" placeholder="model, tenant" defaultValue=${(rule?.group_by ?? []).join(', ')} /></label>`}
      <label>Runbook<input name="runbook" type="url" placeholder="a page that says what to do" defaultValue=${rule?.annotations?.runbook_url ?? ''} /></label>
      ${channels.data?.items.length ? html`<fieldset class="wide"><legend>Tell</legend>${channels.data.items.map((/** @type {any} */ one) => html`<label class="facet" key=${one.id}><input type="checkbox" name="channels" value=${one.name} defaultChecked=${(rule?.notification_channels ?? []).some((/** @type {string} */ each) => each === one.name || each === one.id)} /><span>${one.name}</span><em>${one.type}</em></label>`)}</fieldset>` : html`<p class="quiet small wide">There are no channels yet: alerts are shown here and nobody is told. <code>spanledger channels add</code> makes one.</p>`}
      ${wrong ? html`<${Mistakes} error=${wrong} />` : null}
      <div class="wide rule-acts"><button class="button" type="button" onClick=${dry}>Dry run over 7 days</button><button class="button" type="button" onClick=${close}>Cancel</button><button class="button primary" type="submit">${rule ? 'Change' : 'Make the rule'}</button></div>
    </form>
    ${replay ? html`<${Replay} replay=${replay} unit=${null} />` : null}<//>`;
}

/** All that is wrong, at once. @param {{error: import('../api.js').ApiError}} props */
function Mistakes({ error }) {
  const each = error.problem.errors ?? [];
  return html`<div class="mistakes" role="alert"><p class="field-error">${each.length ? 'This cannot be kept:' : error.message}</p>
    ${each.length ? html`<ul>${each.map((/** @type {any} */ one, /** @type {number} */ index) => html`<li key=${index} class="field-error">${one.parameter ?? one.field ?? one.name ?? ''} ${one.detail ?? one.message ?? (one.allowed ? `must be ${one.allowed}` : '')}</li>`)}</ul>` : null}</div>`;
}
