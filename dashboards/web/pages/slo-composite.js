// @ts-check
/** What a composite is made of, as rows: objectives and their weights. Never: a part whose share of the whole is not said. */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { partsOf, partsRows, partsWords } from '../slo/members.js';
import { useRows } from './slo-rows.js';

/** @param {{text: string, onText: (text: string) => void, at: Set<string>}} props */
export function Parts({ text, onText, at: refused }) {
  const [rows, change] = useRows(text, onText, partsRows, partsOf);
  const known = useLoad('/api/v1/slos');
  const set = (/** @type {number} */ at, /** @type {any} */ part) => change(/** @type {any[]} */ (rows).map((row, index) => (index === at ? { ...row, ...part } : row)));
  const isWrong = (/** @type {number} */ at, /** @type {string} */ key) => refused.has(`indicator.parts[${at}].${key}`) || refused.has(`indicator.parts[${at}]`);
  return html`<div class="conditions" role="group" aria-label="Parts"><datalist id="slo-names">${(known.data?.slos ?? []).map((/** @type {any} */ one) => html`<option key=${one.name} value=${one.name} label=${one.display_name} />`)}</datalist>
    ${(rows ?? []).map((row, at) => html`<div class="said-row" key=${at}><input aria-label=${`Objective of part ${at + 1}`} list="slo-names" autocomplete="off" spellcheck=${false} value=${row.slo} aria-invalid=${isWrong(at, 'slo')} aria-describedby="slo-indicator-wrong" onInput=${(/** @type {any} */ event) => set(at, { slo: event.target.value })} /> with the weight <input class="short" aria-label=${`Weight of part ${at + 1}`} inputmode="decimal" autocomplete="off" placeholder="1" value=${row.weight} aria-invalid=${isWrong(at, 'weight')} aria-describedby="slo-indicator-wrong" onInput=${(/** @type {any} */ event) => set(at, { weight: event.target.value })} />
      <button class="icon-button" type="button" aria-label=${`Remove part ${at + 1}`} onClick=${() => change(/** @type {any[]} */ (rows).filter((_, index) => index !== at))}><${Icon} name="cross" /></button></div>`)}
    <button class="button" type="button" onClick=${() => change([...(rows ?? []), { slo: '', weight: '1' }])}><${Icon} name="plus" />Part</button></div>
    <p class="indicator-words">${partsWords(rows ?? [])}</p>`;
}
