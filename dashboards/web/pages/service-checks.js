// @ts-check
/** The checks of services: how each stands and why, its uptime, a day of it, and a look at once. Never: a button for who may not press it. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, session } from '../api.js';
import { instant, milliseconds } from '../format.js';
import { link, params, setParams } from '../url.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Figure } from '../parts/chip.js';
import { toast } from '../parts/toast.js';
import { Beats } from '../charts/beats.js';
import { healthLook, notYet, upShare } from '../health/words.js';
import { NotAllowed } from '../parts/form.js';
import { Later } from '../parts/later.js';

const FIRST = 'spanledger health add my-cache redis my-host:6379 --service my-service';

/** Looks at the check whose row has the focus, else at the first. @param {HTMLElement | null} page */
export function runFocused(page) {
  const row = document.activeElement?.closest('table.checks-table tr');
  /** @type {HTMLElement | null | undefined} */ ((row ?? page)?.querySelector('td.cell-run button'))?.click();
}

/** @param {{load: import('../api.js').Load, title: string, service?: string}} props service: whose page this is */
export function Checks({ load, title, service }) {
  const may = session.value?.role === 'admin';
  const editing = may ? params.value.get('edit') : null;
  const check = editing && editing !== 'new' ? load.data?.items.find((/** @type {any} */ one) => one.id === editing) ?? null : null;
  const close = () => setParams({ edit: null });
  const add = html`<${NotAllowed} what="Changing checks" /><button class="button" disabled=${!may} title=${may ? undefined : 'Needs the admin role'} onClick=${() => setParams({ edit: 'new' })}><${Icon} name="plus" />New check</button>`;
  return html`${editing === 'new' || check ? html`<${Later} load=${() => import('./check-form.js')} part="CheckForm" key=${editing} check=${check} service=${service} close=${close} done=${load.reload} />` : null}
    <${Card} title=${title} sub="latest look, uptime of 24 hours" busy=${load.busy} actions=${add}><${Faces} load=${load} what="the checks">${(/** @type {any} */ data) => (data.items.length ? html`<${Table} checks=${data.items} reload=${load.reload} />` : html`<${Empty} title="No check asks this yet."><${Command} text=${FIRST} /><//>`)}<//><//>`;
}

/** @param {{checks: any[], reload: () => void}} props */
function Table({ checks, reload }) {
  const may = session.value?.role === 'admin';
  return html`<table class="table cards-narrow checks-table">
    <thead><tr><th scope="col">Check</th><th scope="col">Health</th><th scope="col">Why</th><th scope="col" class="num wide-cell">Latency</th><th scope="col" class="num wide-cell">Looked at</th><th scope="col" class="num">Up</th><th scope="col">24 h</th>${may ? html`<th scope="col"><span class="hidden-text">Look now, change</span></th>` : null}</tr></thead>
    <tbody>${checks.map((check) => html`<${Row} key=${check.id} check=${check} may=${may} reload=${reload} />`)}</tbody></table>`;
}

/** @param {{check: any, may: boolean, reload: () => void}} props */
function Row({ check, may, reload }) {
  const waiting = notYet(check);
  const place = [check.kind, check.target].filter(Boolean).join(' ');
  return html`<tr>
    <td class="cell-name" title=${place}>${check.service ? html`<a href=${link(`/services/${encodeURIComponent(check.service)}`, {}, ['tz'])}>${check.name}</a>` : check.name}<span class="cell-under">${place}</span></td>
    <td class="cell-state"><${Chip} look=${healthLook(check.state)} title=${check.reason} /></td>
    <td class="cell-why" title=${check.reason}>${check.reason}${waiting ? html`<span class="cell-under">latest: ${waiting}</span>` : null}</td>
    <td class="num wide-cell"><${Figure}>${milliseconds(check.latest && check.latest.state !== 'down' ? check.latest.latency_ms : null)}<//></td>
    <td class="num wide-cell quiet">${check.latest ? html`<${Ago} ms=${instant(check.latest.at)} />` : 'Not checked yet'}</td>
    <td class="num cell-figure" title="of the time of which anything is known"><${Figure}>${upShare(check.uptime.uptime)}<//></td>
    <td class="cell-beats"><${Beats} beats=${check.beats.map((/** @type {any} */ beat) => beat.state)} /></td>
    ${may ? html`<td class="cell-run"><${Run} check=${check} reload=${reload} /><button class="icon-button" aria-label=${`Change ${check.name}`} title="Change" onClick=${() => setParams({ edit: check.id })}><${Icon} name="settings" /></button></td>` : null}</tr>`;
}

/** @param {{check: any, reload: () => void}} props */
export function Run({ check, reload }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const found = await request(`/api/v1/health/checks/${encodeURIComponent(check.id)}/run`, { method: 'POST' });
      toast(found.latest ? `${found.name}: ${found.latest.reason}` : `${found.name}: nothing was found in time`);
      reload();
    } catch (problem) {
      toast(`${check.name}: ${/** @type {Error} */ (problem).message}`);
    }
    setBusy(false);
  };
  return html`<button class="icon-button" disabled=${busy} onClick=${run} aria-label=${`Look at ${check.name} now`} title="Look now (x)"><${Icon} name="refresh" /></button>`;
}
