// @ts-check
/**
 * The form that sets a price: for a model, by unit, from a moment on.
 *
 * Given: the price that holds now, if any. Gives: a request. Never: a rate made a float, or a price that changes lines which stand already.
 */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { request } from '../api.js';
import { setParams } from '../url.js';
import { toast } from '../parts/toast.js';
import { Field, Mistakes, inputOf, useSending } from '../parts/form.js';
import { CHOICES, COLUMNS, priceBody, priceMistakes, unitWords } from '../prices/words.js';

/** @param {{price?: any, audio?: boolean, done: () => void}} props price: of the model that is priced; it may have rates and an id already */
export function PriceForm({ price = {}, audio = false, done }) {
  const { form, wrong, busy, send, refuse } = useSending();
  const given = Object.keys(price.rates ?? {});
  const [units, setUnits] = useState(given.length ? given : audio ? ['audio_minutes'] : COLUMNS);
  const [start, setStart] = useState(given.length ? 'now' : 'beginning');
  const leave = () => setParams({ edit: null });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const body = priceBody(new FormData(/** @type {HTMLFormElement} */ (form.current)), units);
    const mistakes = priceMistakes(body);
    if (Object.keys(mistakes).length) return refuse(mistakes);
    send(async () => {
      await request('/api/v1/prices', { method: 'PUT', body });
      toast(`${body.model ?? body.model_prefix} has a price; lines that stand already keep theirs until they are priced anew`);
      leave();
      done();
    });
  };
  const input = (/** @type {string} */ name, /** @type {Record<string, any>} */ more = {}) => html`<input ...${inputOf(`price-${name}`, name, wrong)} ...${more} />`;
  return html`<form class="card-form" ref=${form} onSubmit=${submit} noValidate>
    <${Mistakes} wrong=${wrong} what="Not set" />
    <div class="fields">
      <${Field} id="price-provider" label="Provider" wrong=${wrong.provider}>${input('provider', { defaultValue: price.provider ?? '', placeholder: 'openai', maxlength: 256 })}<//>
      <${Field} id="price-model" label="Model" wrong=${wrong.model ?? wrong.model_prefix}>${input('model', { defaultValue: price.model ?? '', maxlength: 256, 'aria-invalid': Boolean(wrong.model ?? wrong.model_prefix) })}<//>
      <${Field} id="price-match" label="This is"><select id="price-match" name="match"><option value="exact">its exact name</option><option value="prefix" selected=${price.match === 'prefix'}>what its name begins with</option></select><//>
    </div>
    <fieldset><legend>US dollars for one unit</legend><div class="fields rates">
      ${units.map((unit) => html`<${Field} key=${unit} id=${`price-rates.${unit}`} label=${html`${unitWords(unit)[0]} <span class="quiet">/ ${unitWords(unit)[1]}</span>`} wrong=${wrong[`rates.${unit}`]}>${input(`rates.${unit}`, { defaultValue: price.rates?.[unit] ?? '', inputmode: 'decimal', placeholder: '1.25' })}<//>`)}
      <div class="field"><label for="price-unit">Another unit</label><select id="price-unit" value="" onChange=${(/** @type {any} */ event) => { setUnits([...units, event.currentTarget.value]); event.currentTarget.value = ''; }}><option value="">choose …</option>${CHOICES.filter((unit) => !units.includes(unit)).map((unit) => html`<option key=${unit} value=${unit}>${unitWords(unit).join(' / ')}</option>`)}</select></div>
    </div></fieldset>
    <div class="fields">
      <${Field} id="price-start" label="It holds" help=${start === 'now' ? 'for calls from this moment on' : start === 'beginning' ? 'for every call, also those of the past' : ''}><select id="price-start" name="start" onChange=${(/** @type {any} */ event) => setStart(event.currentTarget.value)}>
        <option value="beginning" selected=${start === 'beginning'}>from the beginning</option><option value="now" selected=${start === 'now'}>from now on</option><option value="moment" selected=${start === 'moment'}>from a moment on</option></select><//>
      ${start === 'moment' ? html`<${Field} id="price-valid_from" label="From" help="such as 2026-12-01T00:00:00Z, or now-7d" wrong=${wrong.valid_from}>${input('valid_from')}<//>` : null}
      <${Field} id="price-valid_to" label="Until" help="empty: without end" wrong=${wrong.valid_to}>${input('valid_to')}<//>
      <${Field} id="price-source" label="Where it is from" help="in words, for those who ask later" wrong=${wrong.source}>${input('source', { defaultValue: '', maxlength: 1000 })}<//>
    </div>
    <details class="more-fields"><summary>Batch interface, tiers, estimates</summary><div class="fields">
      <${Field} id="price-service_tier" label="Only for this tier" wrong=${wrong.service_tier}>${input('service_tier', { maxlength: 64, defaultValue: price.service_tier ?? '' })}<//>
      <div class="checks"><label class="check"><input type="checkbox" name="batch" defaultChecked=${Boolean(price.batch)} /> for the batch interface</label><label class="check"><input type="checkbox" name="estimated" defaultChecked=${Boolean(price.estimated)} /> mark lines as estimated</label></div>
    </div></details>
    <div class="bar"><span class="quiet small">Lines that stand already keep their price until they are priced anew, below.</span><span class="bar-end"><button class="button" type="button" onClick=${leave}>Cancel</button><button class="button primary" type="submit" disabled=${busy}>${busy ? 'Setting …' : 'Set the price'}</button></span></div></form>`;
}
