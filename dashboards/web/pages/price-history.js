// @ts-check
/** One model's prices, one after another, and what was ever set for it, by whom. Never: a price deleted by one press. */
import { html } from '../html.js';
import { request, useLoad } from '../api.js';
import { absolute, count, instant } from '../format.js';
import { params, setParams, spell, zone } from '../url.js';
import { Faces } from '../parts/card.js';
import { Ago } from '../parts/chip.js';
import { Twice, isAdmin, refusal } from '../parts/form.js';
import { toast } from '../parts/toast.js';
import { reasonOf } from '../trace/price-words.js';
import { keyOf, rateWords, sourceWords, stretchWords } from '../prices/words.js';
import { PriceForm } from './price-form.js';

/** One model's prices, one after another, and what was ever set for it. @param {{one: any, again: () => void}} props */
export function History({ one, again }) {
  const key = keyOf(one);
  const load = useLoad(`/api/v1/prices/history${spell(new URLSearchParams({ provider: one.provider, model: one.model || 'any', from: 'now-365d' }))}`);
  const editing = params.value.get('edit') === `set ${key}` && isAdmin();
  const done = () => { load.reload(); again(); };
  const end = async (/** @type {any} */ each) => { await request(`/api/v1/prices/${each.id}`, { method: 'DELETE' }); toast('What stood before holds again'); done(); };
  return html`<div class="price-history"><${Faces} load=${load} what="its prices">${(/** @type {any} */ data) => html`
    <h3>In the last year</h3>
    <ul class="stretches">${data.stretches.map((/** @type {any} */ price, /** @type {number} */ index) => html`<li key=${index}><b>${stretchWords(price, zone.value)}</b> <span>${price.rates ? Object.entries(price.rates).map(([unit, rate]) => rateWords(unit, rate)).join(' · ') : reasonOf(price.reason)}</span>
      ${price.rates ? html`<p class="quiet small">${[sourceWords(price.source), price.version === price.source ? '' : price.version, tiersOf(price), price.note].filter(Boolean).join(' · ')}</p>` : null}</li>`)}</ul>
    ${data.overrides.length ? html`<h3>Set by people and files</h3><ul class="stretches">${data.overrides.map((/** @type {any} */ each) => html`<li key=${each.revision} class=${each.ended_at ? 'ended' : ''}><b>${stretchWords(each, zone.value)}</b> <span>${Object.entries(each.rates).map(([unit, rate]) => rateWords(unit, rate)).join(' · ')}</span>
      <p class="quiet small">r${each.revision}, set by ${each.set_by} <${Ago} ms=${instant(each.set_at)} />${each.file ? ` with ${each.file}` : ''}${each.stated?.source ? `: ${each.stated.source}` : ''}${each.ended_at ? html`; ended by ${each.ended_by} ${absolute(instant(each.ended_at), zone.value)}` : null}
        ${each.ended_at ? null : html` <${Twice} label="Delete …" name=${`Delete … the price r${each.revision} of ${one.model}`} disabled=${!isAdmin()} title=${refusal()} sure="What stood before holds again." yes="Delete it" deed=${() => end(each)} />`}</p></li>`)}</ul>` : null}
    <p><button class="button" disabled=${!isAdmin()} title=${refusal()} aria-expanded=${editing} onClick=${() => setParams({ edit: editing ? null : `set ${key}` })}>Set another price</button></p>
    ${editing ? html`<${PriceForm} key=${key} price=${one} done=${done} />` : null}`}<//></div>`;
}

/** @param {any} price */
const tiersOf = (price) => Object.entries(price.tiers ?? {}).flatMap(([unit, steps]) => /** @type {any[]} */ (steps).map((step) => `${rateWords(unit, step.rate)} above ${count(step.above_input_tokens)} input tokens`)).join(', ');
