// @ts-check
/** Data: how long what is kept, how large it is, backups, and what telemetry was lost. Never: a backup that was not read again called done. */
import { useEffect } from 'preact/hooks';
import { html } from '../html.js';
import { request, useLoad } from '../api.js';
import { bytes, instant, percent, plural } from '../format.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { Field, Mistakes, inputOf, isAdmin, refusal, useSending } from '../parts/form.js';
import { SettingPlaces } from '../parts/places.js';
import { toast } from '../parts/toast.js';
import { keptWords } from '../settings/words.js';
import { Received } from './loss.js';
import { Storage } from './storage.js';

export const title = 'Settings';
export const name = 'Data · Settings';
export const styles = '/assets/pages/accounts.css';

export function View() {
  return html`<div class="page accounts-page"><${SettingPlaces} /><div class="two-cards"><${Kept} /><${Backups} /></div><${Storage} /><${Received} /></div>`;
}

/** How long, by level; and the owner's zone, in which days begin. */
function Kept() {
  const load = useLoad('/api/v1/about');
  return html`<${Card} title="How long" sub="set when the server is started" busy=${load.busy}><${Faces} load=${load} what="the settings">${(/** @type {any} */ { retention, timezone }) => html`<dl class="facts">
    <div><dt>Spans, logs, metric points</dt><dd>${keptWords(retention.raw_days)} <code class="quiet">--retention-raw</code></dd></div>
    <div><dt>Minutes</dt><dd>${keptWords(retention.minutes_days)} <code class="quiet">--retention-minutes</code></dd></div>
    <div><dt>Hours</dt><dd>${keptWords(retention.hours_days)} <code class="quiet">--retention-hours</code></dd></div>
    <div><dt>Days, and the ledger</dt><dd>${keptWords(retention.days_days)} <code class="quiet">--retention-days</code></dd></div>
    <div><dt>Where a day begins</dt><dd>${timezone} <code class="quiet">--timezone</code></dd></div></dl>
    <p class="card-note">Budgets, periods and reports that name no zone begin their days there. With <code>--max-disk</code> the oldest spans go early; the ledger never.</p>`}<//><//>`;
}

/** @type {Record<string, import('../status.js').Look>} */
const STATES = { running: { icon: 'clock', word: 'Running', tone: 'info' }, done: { icon: 'tick', word: 'Verified', tone: 'ok' }, failed: { icon: 'octagon', word: 'Failed', tone: 'crit' } };

function Backups() {
  const load = useLoad('/api/v1/backup', { every: 15_000 });
  const running = load.data?.job && !Object.hasOwn({ done: 1, failed: 1 }, load.data.job.state);
  useEffect(() => {
    const timer = running ? setTimeout(load.reload, 700) : 0;
    return () => clearTimeout(timer);
  }, [running, load.at]);
  return html`<${Card} title="Backups" sub=${load.data?.items.length ? plural(load.data.items.length, 'file') : ''} busy=${load.busy && !running}><${Faces} load=${load} what="the backups">${(/** @type {any} */ data) => html`
    ${data.job ? html`<${Job} job=${data.job} />` : null}
    <${Make} busy=${running} done=${load.reload} />
    ${data.items.length ? html`<ul class="list">${data.items.slice(0, 8).map((/** @type {any} */ one) => html`<li key=${one.name}><span class="list-row"><span class="list-main"><b title=${one.name}>${one.name}</b><span class="list-sub"><${Ago} ms=${instant(one.at)} /></span></span><span class="list-figure">${bytes(one.bytes)}</span><a class="button" download href=${`/api/v1/backup/${encodeURIComponent(one.name)}`} aria-label=${`Download ${one.name}`}>Download</a></span></li>`)}</ul>`
      : html`<${Empty} title="There is no backup yet. Every night, on the server:"><${Command} text="spanledger backup" /><//>`}
    <p class="card-note">In <code>${data.directory}</code>. A backup holds token hashes and what users are called: keep it as you keep the database.</p>`}<//><//>`;
}

/** @param {{job: any}} props */
function Job({ job }) {
  const look = STATES[job.state] ?? STATES.running;
  return html`<div class="job" role="status"><${Chip} look=${look} /><span class="small">${job.state === 'failed' ? job.reason : job.state === 'done' ? html`${job.name}, ${plural(job.tables, 'table')}, ${plural(job.rows, 'row')}, read again <${Ago} ms=${instant(job.ended_at)} />` : `${job.name}, ${percent(job.done)}`}</span></div>`;
}

/** @param {{busy: boolean, done: () => void}} props */
function Make({ busy, done }) {
  const { form, wrong, busy: sending, send } = useSending();
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const name = String(new FormData(/** @type {HTMLFormElement} */ (form.current)).get('name')).trim();
    send(async () => { await request('/api/v1/backup', { method: 'POST', body: name ? { name } : {} }); toast('The backup has begun; it is read again before it counts'); done(); });
  };
  return html`<form class="card-form backup-form" ref=${form} onSubmit=${submit} noValidate><${Mistakes} wrong=${wrong} what="Not begun" />
    <div class="backup-line"><${Field} id="backup-name" label="Name" help="empty: by the time" wrong=${wrong.name}><input ...${inputOf('backup-name', 'name', wrong)} placeholder="before-upgrade.duckdb" maxlength="200" /><//>
      <button class="button primary" type="submit" disabled=${busy || sending || !isAdmin()} title=${refusal()}>${busy ? 'Copying …' : 'Make a backup'}</button></div></form>`;
}
