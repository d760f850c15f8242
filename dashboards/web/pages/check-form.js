// @ts-check
/**
 * The form of a health check: what it asks, how often, and what else its kind understands; kept and looked at once.
 *
 * Given: a check to change, or none; the kinds of the server. Gives: the kept check and what its first look found.
 * Never: a secret shown, or what was typed lost when the server says no.
 */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { request, useLoad } from '../api.js';
import { Card, Faces } from '../parts/card.js';
import { Chip } from '../parts/chip.js';
import { Field, Mistakes, Twice, inputOf, useSending } from '../parts/form.js';
import { toast } from '../parts/toast.js';
import { healthLook } from '../health/words.js';
import { optionText, readOption } from '../health/form.js';

const TIMES = [['interval_s', 'Every (s)', '30', 'how often: 5 to 86400'], ['timeout_s', 'Waits at most (s)', '5', '0.1 to 60'], ['down_after', 'Worse after (looks)', '3', 'in a row, 1 to 20'], ['up_after', 'Better after (looks)', '1', 'in a row, 1 to 20'], ['slow_ms', 'Slow above (ms)', '', 'degraded when a look takes longer; empty: never']];

/** @param {{check: any | null, service?: string, close: () => void, done: () => void}} props */
export function CheckForm({ check, service, close, done }) {
  const kinds = useLoad('/api/v1/health/kinds');
  useEffect(() => document.getElementById('check-form')?.scrollIntoView({ block: 'nearest' }), [Boolean(kinds.data)]);
  return html`<${Card} title=${check ? `Change ${check.name}` : 'New check'} busy=${kinds.busy} id="check-form"><${Faces} load=${kinds} what="the kinds of checks">${(/** @type {any} */ data) => html`<${Form} key=${check?.id ?? 'new'} check=${check} service=${service} kinds=${data.items} close=${close} done=${done} />`}<//><//>`;
}

/** @param {{check: any | null, service?: string, kinds: any[], close: () => void, done: () => void}} props */
function Form({ check, service, kinds, close, done }) {
  const { form, wrong, busy, send } = useSending();
  const [name, setName] = useState(check?.kind ?? 'http');
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [made, setMade] = useState(/** @type {any} */ (check));
  const kind = kinds.find((one) => one.kind === name) ?? kinds[0];
  const save = async () => {
    const kept = await request(made ? `/api/v1/health/checks/${encodeURIComponent(made.id)}` : '/api/v1/health/checks', { method: made ? 'PUT' : 'POST', body: body(/** @type {HTMLFormElement} */ (form.current), kind, made) });
    setMade(kept);
    done();
    setFound(kept.enabled ? await request(`/api/v1/health/checks/${encodeURIComponent(kept.id)}/run`, { method: 'POST' }) : null);
    done();
    toast(`Saved: ${kept.name}`);
  };
  const remove = async () => {
    await request(`/api/v1/health/checks/${encodeURIComponent(made.id)}`, { method: 'DELETE' });
    toast(`Deleted: ${made.name}; what changed in its time stays`);
    done();
    close();
  };
  const text = (/** @type {string} */ id, /** @type {string} */ field, /** @type {string} */ value, /** @type {Record<string, any>} */ more = {}) => html`<input ...${inputOf(id, field, wrong)} defaultValue=${value} ...${more} />`;
  return html`<form class="fields check-form" ref=${form} onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); setFound(null); send(save); }} novalidate>
    <${Mistakes} wrong=${wrong} />
    <${Field} id="check-name" label="Name" wrong=${wrong.name}>${text('check-name', 'name', check?.name ?? '', { maxlength: 200, placeholder: 'orders database' })}<//>
    <${Field} id="check-kind" label="Kind" help=${kind.meaning} wrong=${wrong.kind}><select ...${inputOf('check-kind', 'kind', wrong)} value=${name} onChange=${(/** @type {any} */ event) => setName(event.target.value)}>${kinds.map((one) => html`<option key=${one.kind} value=${one.kind} selected=${one.kind === name}>${one.kind}</option>`)}</select><//>
    ${kind.target ? html`<${Field} id="check-target" label="Target" help=${kind.target} wrong=${wrong.target} class="wide">${text('check-target', 'target', check && check.kind === name ? check.target ?? '' : '', { class: 'mono' })}<//>` : null}
    <${Field} id="check-service" label="Service" help="that it belongs to; empty: it stands for itself" wrong=${wrong.service}>${text('check-service', 'service', check ? check.service ?? '' : service ?? '')}<//>
    ${TIMES.map(([field, label, usual, help]) => html`<${Field} key=${field} id=${`check-${field}`} label=${label} help=${help} wrong=${wrong[field]}>${text(`check-${field}`, field, String(check ? check[field] ?? '' : usual), { inputmode: 'decimal' })}<//>`)}
    ${Object.keys(kind.options).length ? html`<details class="wide" open=${Boolean(check && Object.keys(check.options ?? {}).length)}><summary>More of this kind</summary><div class="fields">${Object.entries(kind.options).map(([option, one]) => html`<${Option} key=${`${name} ${option}`} option=${option} one=${one} value=${check && check.kind === name ? check.options?.[option] : undefined} wrong=${wrong} />`)}</div></details>` : null}
    <label class="check wide"><input type="checkbox" name="enabled" defaultChecked=${check ? check.enabled : true} /> It is looked at</label>
    ${found ? html`<p class="wide" role="status"><${Chip} look=${healthLook(found.latest?.state)} /> ${found.latest ? found.latest.reason : 'Nothing was found in time.'}</p>` : null}
    <div class="wide rule-acts form-acts"><button class="button primary" type="submit" disabled=${busy}>${busy ? 'Looking …' : 'Save and look'}</button><button class="button" type="button" onClick=${close}>Close</button>
      ${made ? html`<${Twice} label="Delete …" sure=${`Delete ${made.name}?`} yes="Delete it" deed=${remove} />` : null}</div></form>`;
}

/** One option of a kind, as what its usual value is. @param {{option: string, one: any, value: any, wrong: Record<string, string>}} props */
function Option({ option, one, value, wrong }) {
  const id = `check-option-${option}`;
  const field = `options.${option}`;
  const current = value === undefined ? one.default : value;
  if (typeof one.default === 'boolean') return html`<div class="field"><label class="check"><input type="checkbox" name=${field} defaultChecked=${current} /> ${option}</label><p class="quiet small help">${one.meaning}</p><p class="field-error">${wrong[field] ?? ''}</p></div>`;
  const long = option === 'authority' || (one.default && typeof one.default === 'object' && !Array.isArray(one.default));
  const props = { ...inputOf(id, field, wrong), defaultValue: optionText(current), placeholder: value === undefined ? undefined : optionText(one.default) };
  return html`<${Field} id=${id} label=${option} help=${`${one.meaning}${long && option !== 'authority' ? '; one a line, Name: value' : ''}`} wrong=${wrong[field]}>${long ? html`<textarea rows="2" ...${props}></textarea>` : html`<input ...${props} />`}<//>`;
}

/** @param {HTMLFormElement} form @param {any} kind @param {any} check */
function body(form, kind, check) {
  const fields = new FormData(form);
  const said = (/** @type {string} */ name) => String(fields.get(name) ?? '').trim();
  const options = Object.fromEntries(Object.entries(kind.options).flatMap(([name, one]) => {
    const value = typeof one.default === 'boolean' ? fields.has(`options.${name}`) : readOption(said(`options.${name}`), one.default);
    return JSON.stringify(value) === JSON.stringify(one.default) ? [] : [[name, value]];
  }));
  return {
    name: said('name'), kind: kind.kind, ...(kind.target ? { target: said('target') } : {}), options, service: said('service') || null, enabled: fields.has('enabled'),
    ...Object.fromEntries(TIMES.map(([name, , usual]) => [name, said(name) === '' && usual === '' ? null : readOption(said(name), 0)])), ...(check ? { version: check.version } : {}),
  };
}
