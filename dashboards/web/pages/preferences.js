// @ts-check
/** What the one who is signed in wants to hear: severities, quiet hours, how many an hour. Never: an alert lost in quiet hours; it waits. */
import { html } from '../html.js';
import { request, session, useAsking, useLoad } from '../api.js';
import { Card, Faces } from '../parts/card.js';
import { NotAllowed } from '../parts/form.js';
import { toast } from '../parts/toast.js';

const SEVERITIES = [['critical_alerts', 'Critical'], ['error_alerts', 'Error'], ['warning_alerts', 'Warning'], ['info_alerts', 'Info']];
const WAYS = [['email_notifications', 'E-mail'], ['sms_notifications', 'SMS'], ['slack_notifications', 'Slack']];

/** The card of Settings, Me. */
export function Preferences() {
  const load = useLoad('/api/admin/monitoring/preferences');
  return html`<${Card} title="What I am told" sub=${load.data ? load.data.admin_user : ''} busy=${load.busy}><${Faces} load=${load} what="your preferences">${(/** @type {any} */ data) => html`<${Form} key=${data.updated_at} data=${data} done=${load.reload} />`}<//><//>`;
}

/** @param {{data: any, done: () => void}} props */
function Form({ data, done }) {
  const { wrong, ask } = useAsking();
  const admin = session.value?.role === 'admin';
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const ticked = Object.fromEntries([...SEVERITIES, ...WAYS].map(([name]) => [name, fields.has(name)]));
    const quiet = fields.has('quiet_hours_enabled');
    const most = String(fields.get('max_alerts_per_hour') ?? '').trim();
    const hours = quiet ? { quiet_start_time: String(fields.get('quiet_start_time')), quiet_end_time: String(fields.get('quiet_end_time')), timezone: String(fields.get('timezone')) } : {};
    ask(async () => {
      await request('/api/admin/monitoring/preferences', { method: 'PUT', body: { ...ticked, quiet_hours_enabled: quiet, ...hours, max_alerts_per_hour: most ? Number(most) : null } });
      toast('Kept');
      done();
    });
  };
  const tick = (/** @type {string[]} */ [name, text]) => html`<label class="facet" key=${name}><input type="checkbox" name=${name} defaultChecked=${data[name]} /><span>${text}</span></label>`;
  return html`<form class="rule-form" onSubmit=${submit}>
    <fieldset class="wide ticks"><legend>Tell me of</legend>${SEVERITIES.map(tick)}</fieldset>
    <fieldset class="wide ticks"><legend>By</legend>${WAYS.map(tick)}</fieldset>
    <fieldset class="wide ticks"><legend>Quiet hours</legend>${tick(['quiet_hours_enabled', 'Wait with messages in quiet hours; critical ones pass, and what still fires at their end is told once'])}</fieldset>
    <label>From<input type="time" name="quiet_start_time" defaultValue=${data.quiet_start_time ?? '22:00'} /></label>
    <label>To<input type="time" name="quiet_end_time" defaultValue=${data.quiet_end_time ?? '08:00'} /></label>
    <label>Time zone<input name="timezone" defaultValue=${data.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone} autocomplete="off" /></label>
    <label>Messages an hour at most<input type="number" min="1" name="max_alerts_per_hour" defaultValue=${data.max_alerts_per_hour ?? ''} placeholder="no limit" /></label>
    <p class="field-error wide" role="alert">${wrong}</p>
    <div class="wide"><button class="button primary" type="submit" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'}>Keep</button> <${NotAllowed} what="Keeping it" /></div></form>`;
}
