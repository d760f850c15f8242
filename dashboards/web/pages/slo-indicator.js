// @ts-check
/** What an objective counts and what is good, to be chosen in rows and read in words; as JSON where somebody wants it, or where rows cannot say it. Never: JSON that rows have changed the meaning of. */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { PRESETS } from '../slo/form.js';
import { FIELDS, HOW, KEYS, KINDS, asKind, inWords, indicatorOf, modelOf } from '../slo/indicator.js';
import { partsOf, partsRows } from '../slo/members.js';
import { Later } from '../parts/later.js';
import { Either, readJson, useRows } from './slo-rows.js';

const parts = () => import('./slo-composite.js');

/** @typedef {import('../slo/indicator.js').Model} Model */
/** @typedef {import('../slo/indicator.js').Row} Row */

/** @param {import('./slo-rows.js').Member} member */
export function IndicatorForm(member) {
  const { text, onText, wrong, at } = member;
  const [model, change] = useRows(text, onText, modelOf, indicatorOf);
  const composite = partsRows(readJson(text)) !== null;
  const kind = composite ? 'composite' : model?.kind;
  const choose = (/** @type {any} */ event) => {
    const next = event.target.value;
    if (next === 'composite') onText(JSON.stringify(partsOf([{ slo: '', weight: '1' }]), null, 2));
    else if (model) change(asKind(model, next));
    else change(asKind(/** @type {Model} */ (modelOf(PRESETS.availability.indicator)), next));
  };
  return html`<${Either} ...${member} legend="What is counted, and what is good" id="slo-indicator" rows=${composite || model !== null} help="kind, filter, good, below or above, metric; or kind composite with parts">
    <div class="fields"><div class="field wide-field"><label for="slo-kind">Counted are</label><select id="slo-kind" aria-invalid=${Boolean(wrong)} aria-describedby="slo-indicator-wrong" value=${kind} onChange=${choose}>${Object.entries({ ...KINDS, composite: 'Other objectives, by weight' }).map(([key, words]) => html`<option key=${key} value=${key}>${words}</option>`)}</select></div>
      ${model?.kind === 'metric' ? html`<${Metrics} model=${model} change=${change} />` : null}</div>
    ${composite ? html`<${Later} load=${parts} part="Parts" text=${text} onText=${onText} at=${at} />` : model ? html`<${Rows} model=${model} change=${(/** @type {Partial<Model>} */ part) => change({ ...model, ...part })} /><p class="indicator-words" id="slo-indicator-words">${inWords(model)}</p>` : null}<//>`;
}

/** @param {{model: Model, change: (model: Model) => void}} props */
function Metrics({ model, change }) {
  const typed = (/** @type {'metric' | 'good_metric'} */ key) => (/** @type {any} */ event) => change({ ...model, [key]: event.target.value });
  return html`<div class="field"><label for="slo-metric">Metric</label><input id="slo-metric" autocomplete="off" spellcheck=${false} value=${model.metric} onInput=${typed('metric')} /></div>
    <div class="field"><label for="slo-good-metric">Counter of the good ones</label><input id="slo-good-metric" autocomplete="off" spellcheck=${false} value=${model.good_metric} onInput=${typed('good_metric')} /></div>`;
}

/** @param {{model: Model, change: (part: Partial<Model>) => void}} props */
function Rows({ model, change }) {
  const fields = FIELDS[model.kind];
  const typed = (/** @type {keyof Model} */ key) => (/** @type {any} */ event) => change({ [key]: event.target.value });
  return html`
    <${Conditions} title="Only those whose" none="No condition: all of the service count." rows=${model.filter} kind=${model.kind} onRows=${(/** @type {Row[]} */ filter) => change({ filter })} />
    ${model.kind === 'metric' ? null : html`<${Conditions} title="Good are those whose" none=${model.side ? 'Good are those within the limit below.' : 'What is a good one? Add a condition, or a limit below.'} rows=${model.good} kind=${model.kind} onRows=${(/** @type {Row[]} */ good) => change({ good })} />`}
    <p class="quiet small threshold-head">${model.side ? (model.good.length ? 'and whose' : 'Good are those whose') : 'A limit of a value'}</p><div class="condition threshold"><select aria-label="Which value is good" value=${model.side ? model.field : ''} onChange=${(/** @type {any} */ event) => change(event.target.value ? { field: event.target.value, side: model.side || (event.target.value === 'tokens_per_second' ? 'above' : 'below') } : { side: '' })}><option value="">no limit of a value</option>${Object.entries(fields).map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}</select>
      ${model.side ? html`<select aria-label="On which side" value=${model.side} onChange=${typed('side')}><option value="below">is at most</option><option value="above">is at least</option></select><input aria-label="The limit" inputmode="decimal" value=${model.value} onInput=${typed('value')} />` : null}</div>`;
}

/** @param {{title: string, none: string, rows: Row[], kind: string, onRows: (rows: Row[]) => void}} props */
function Conditions({ title, none, rows, kind, onRows }) {
  const set = (/** @type {number} */ at, /** @type {Partial<Row>} */ part) => onRows(rows.map((row, index) => (index === at ? { ...row, ...part } : row)));
  const list = `slo-keys-${kind}`;
  return html`<div class="conditions" role="group" aria-label=${title}><p class="quiet small">${rows.length ? title : none}<datalist id=${list}>${KEYS[kind].map((key) => html`<option key=${key} value=${key} />`)}</datalist></p>
    ${rows.map((row, at) => html`<div class="condition" key=${at}><input aria-label="Attribute" list=${list} autocomplete="off" spellcheck=${false} value=${row.key} onInput=${(/** @type {any} */ event) => set(at, { key: event.target.value })} />
      <select aria-label="How" value=${row.how} onChange=${(/** @type {any} */ event) => set(at, { how: event.target.value })}>${Object.entries(HOW).map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}</select>
      <input aria-label="Value" autocomplete="off" spellcheck=${false} value=${row.value} onInput=${(/** @type {any} */ event) => set(at, { value: event.target.value })} />
      <button class="icon-button" type="button" aria-label=${`Remove ${row.key || 'this condition'}`} onClick=${() => onRows(rows.filter((_, index) => index !== at))}><${Icon} name="cross" /></button></div>`)}
    <button class="button" type="button" onClick=${() => onRows([...rows, { key: '', how: 'is', value: '' }])}><${Icon} name="plus" />Condition</button></div>`;
}
