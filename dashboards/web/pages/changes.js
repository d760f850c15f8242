// @ts-check
/**
 * The trail: what was changed, by whom, and what was there before.
 *
 * Given: `action`, `actor`, `cursor` and the range of the URL. Gives: a list, newest first. Never: a change without who made it.
 */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { instant } from '../format.js';
import { params, rangeOr, setParams, spell } from '../url.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { SettingPlaces } from '../parts/places.js';
import { actionWords, detailWords } from '../settings/words.js';

export const title = 'Settings';
export const name = 'Changes · Settings';
export const styles = '/assets/pages/accounts.css';
export const range = 'now-30d';
const ABOUT = { '': 'Everything', token: 'Tokens', price: 'Prices', reprice: 'Lines priced anew', reconcile: 'Bills', budget: 'Budgets', slo: 'Objectives', rule: 'Rules', alert: 'Alerts', silence: 'Silences', channel: 'Channels', health: 'Checks', backup: 'Backups', sampling: 'Sampling' };

export function View() {
  const action = params.value.get('action') ?? '';
  const actor = params.value.get('actor');
  const cursor = params.value.get('cursor');
  const search = new URLSearchParams({ ...rangeOr(range), limit: '50', ...(action ? { action } : {}), ...(actor ? { actor } : {}), ...(cursor ? { cursor } : {}) });
  const load = useLoad(`/api/v1/audit${spell(search)}`, { subject: `${action} ${actor}` });
  return html`<div class="page accounts-page"><${SettingPlaces} />
    <div class="bar"><label class="inline">About <select value=${action} onChange=${(/** @type {any} */ event) => setParams({ action: event.currentTarget.value || null, cursor: null })}>${Object.entries(ABOUT).map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}</select></label>
      ${actor ? html`<button class="filter-chip" aria-label=${`By ${actor}: remove this filter`} onClick=${() => setParams({ actor: null, cursor: null })}><span>By ${actor}</span></button>` : null}</div>
    <${Card} title="Changes" sub="what people and programs changed here, newest first" busy=${load.busy}><${Faces} load=${load} what="the changes" blank=${html`<div class="face blank list-blank"></div>`}>${(/** @type {any} */ data) => (data.items.length ? html`<ol class="trail">${data.items.map((/** @type {any} */ one, /** @type {number} */ at) => html`<li key=${`${one.at} ${at}`}>
      <p><b>${actionWords(one.action)}</b> <code class="trail-subject">${one.subject}</code></p>
      <p class="quiet small trail-who"><button class="text-button" onClick=${() => setParams({ actor: one.actor, cursor: null })}>${one.actor}</button> <${Ago} ms=${instant(one.at)} /></p>
      <${Detail} detail=${one.detail} /></li>`)}</ol>
      ${cursor || data.next_cursor ? html`<p class="more">${cursor ? html`<button class="button" onClick=${() => history.back()}>Newer</button>` : null}${data.next_cursor ? html`<button class="button" onClick=${() => setParams({ cursor: data.next_cursor })}>Older</button>` : null}</p>` : null}`
    : html`<${Empty} title="Nothing was changed in this range." />`)}<//><//></div>`;
}

/** @param {{detail: string | null}} props */
function Detail({ detail }) {
  const each = detailWords(detail);
  if (!each.length) return null;
  const told = each.join(' · ');
  if (told.length <= 200) return html`<p class="trail-detail small">${told}</p>`;
  return html`<details class="trail-detail small"><summary>${each[0].slice(0, 120)} …</summary><ul>${each.map((one) => html`<li key=${one}>${one}</li>`)}</ul></details>`;
}
