// @ts-check
/** What the one who is signed in wants to hear: severities by channel, quiet hours, how many an hour. Never: an alert lost in quiet hours; it waits. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { request, useLoad } from '../api.js';
import { Card, Faces } from '../parts/card.js';
import { Field, Mistakes, NotAllowed, inputOf, isAdmin, refusal, useSending } from '../parts/form.js';
import { severityLook } from '../alert/words.js';
import { toast } from '../parts/toast.js';
import { DAYS, SEVERITIES, bodyOf, quietWords, rowsOf } from '../settings/told.js';
import { link } from '../url.js';

/** The card of Settings, Me. */
export function Preferences() {
  const load = useLoad('/api/admin/monitoring/preferences');
  const channels = useLoad('/api/v1/channels');
  const both = channels.data || channels.error ? load : { ...load, data: load.error ? load.data : null };
  return html`<${Card} title="What I am told" sub=${load.data ? load.data.admin_user : ''} busy=${load.busy}><${Faces} load=${both} what="your preferences">${(/** @type {any} */ data) => html`<${Form} key=${data.updated_at} data=${data} channels=${channels.data?.items ?? []} done=${load.reload} />`}<//><//>`;
}

/** @param {{data: any, channels: any[], done: () => void}} props */
function Form({ data, channels, done }) {
  const { form, wrong, busy, send } = useSending();
  const [rows] = useState(() => rowsOf(data, channels));
  const [said, setSaid] = useState(data);
  const read = () => bodyOf(new FormData(/** @type {HTMLFormElement} */ (form.current)), rows);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    send(async () => { await request('/api/admin/monitoring/preferences', { method: 'PUT', body: read() }); toast('Kept'); done(); });
  };
  const quiet = Boolean(said.quiet_hours_enabled);
  const tick = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ text, /** @type {boolean} */ on) => html`<label class="facet" key=${value}><input type="checkbox" name=${name} value=${value} defaultChecked=${on} /><span>${text}</span></label>`;
  const input = (/** @type {string} */ name, /** @type {any} */ value, /** @type {Record<string, any>} */ more = {}) => html`<input defaultValue=${value} ...${inputOf(`told-${name}`, name, wrong)} ...${more} />`;
  return html`<form class="told-form" ref=${form} onSubmit=${submit} onInput=${() => setSaid(read())} noValidate><${Mistakes} wrong=${wrong} />
    <${Grid} rows=${rows} none=${!channels.length} wrong=${wrong.channels} />
    <fieldset class="ticks"><legend>Quiet hours</legend>${tick('quiet_hours_enabled', 'on', 'Wait with messages in quiet hours; what still fires at their end is told once', data.quiet_hours_enabled)}
      <div class=${quiet ? 'quiet-fields' : 'quiet-fields off'}><div class="fields">
        <${Field} id="told-quiet_start_time" label="From" wrong=${wrong.quiet_start_time}>${input('quiet_start_time', data.quiet_start_time ?? '22:00', { type: 'time' })}<//>
        <${Field} id="told-quiet_end_time" label="To" wrong=${wrong.quiet_end_time}>${input('quiet_end_time', data.quiet_end_time ?? '08:00', { type: 'time' })}<//>
        <${Field} id="told-timezone" label="Time zone" wrong=${wrong.timezone}>${input('timezone', data.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone, { list: 'zones' })}<//></div>
        <fieldset class="ticks"><legend>On</legend>${Object.entries(DAYS).map(([day, text]) => tick('quiet_days', day, text, data.quiet_days.includes(day)))}</fieldset>
        <fieldset class="ticks"><legend>Never waits</legend>${SEVERITIES.map((one) => tick('quiet_passes', one, severityLook(one).word, data.quiet_passes.includes(one)))}</fieldset></div>
      <p class="told-words" role="status">${quietWords(said)}</p></fieldset>
    <div class="fields"><${Field} id="told-max_alerts_per_hour" label="Messages an hour at most" wrong=${wrong.max_alerts_per_hour} help="on each channel; empty: no limit">${input('max_alerts_per_hour', data.max_alerts_per_hour ?? '', { inputmode: 'numeric', placeholder: 'no limit' })}<//></div>
    <div class="bar"><button class="button primary" type="submit" disabled=${busy || !isAdmin()} title=${refusal()}>${busy ? 'Keeping …' : 'Keep'}</button> <${NotAllowed} what="Keeping it" /></div></form>`;
}

/** @param {{rows: import('../settings/told.js').Row[], none: boolean, wrong: string | undefined}} props */
function Grid({ rows, none, wrong }) {
  return html`<div><table class="table told-grid"><caption class="hidden-text">Severities by channel</caption><thead><tr><th scope="col">Tell me on</th>${SEVERITIES.map((one) => html`<th scope="col" key=${one}>${severityLook(one).word}</th>`)}</tr></thead>
    <tbody>${rows.map((row, at) => html`<tr key=${row.key}><th scope="row"><span>${row.name}</span> <span class="quiet small">${row.sub}</span></th>${SEVERITIES.map((one) => html`<td key=${one}><label><input type="checkbox" name="told" value=${`${at} ${one}`} defaultChecked=${row.wanted.includes(one)} aria-label=${`${severityLook(one).word} on ${row.name}`} /></label></td>`)}</tr>`)}</tbody></table>
    ${wrong ? html`<p class="field-error">${wrong}</p>` : null}
    <p class="quiet small">${none ? html`There are no <a href=${link('/settings/channels', {}, ['tz'])}>channels</a> yet; this holds for those to come.` : 'A channel that comes later tells everything until you choose here. Routes decide which alerts go to a channel at all.'}</p></div>`;
}
