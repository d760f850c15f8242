// @ts-check
/** Prices from a file: chosen or pasted, in place of the file of that name. Never: a part of a file that has a mistake. */
import { useRef } from 'preact/hooks';
import { html } from '../html.js';
import { ApiError, request } from '../api.js';
import { plural } from '../format.js';
import { setParams } from '../url.js';
import { Card } from '../parts/card.js';
import { toast } from '../parts/toast.js';
import { Field, Mistakes, inputOf, useSending } from '../parts/form.js';

const EXAMPLE = 'as_of: 2026-11-01\nprices:\n- provider: openai\n  model: our-finetune\n  rates: {input_mtok: "3", output_mtok: "12"}';

/** Every mistake of a file with the line it is in. @param {ApiError} problem */
const mistakesIn = (problem) => (problem.problem.errors ?? (problem.problem.parameter === 'content' ? [problem.problem] : [])).filter((/** @type {any} */ one) => one.parameter === 'content')
  .map((/** @type {any} */ one) => `${/:\d+$/.test(String(one.value)) ? `line ${String(one.value).split(':').at(-1)}: ` : ''}${one.allowed}`);

/** @param {{done: () => void}} props */
export function PriceFile({ done }) {
  const { form, wrong, busy, send, refuse } = useSending();
  const text = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const leave = () => setParams({ edit: null });
  const chosen = async (/** @type {any} */ event) => {
    const [file] = event.currentTarget.files;
    if (!file || !text.current || !form.current) return;
    text.current.value = await file.text();
    const name = /** @type {HTMLInputElement} */ (form.current.elements.namedItem('name'));
    if (!name.value) name.value = file.name.slice(0, 64);
  };
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (form.current));
    const body = { name: String(fields.get('name')).trim(), content: String(fields.get('content')) };
    if (!body.name || !body.content.trim()) return refuse({ ...(body.name ? {} : { name: 'A name such as ours.yml' }), ...(body.content.trim() ? {} : { content: 'Choose a file, or paste one' }) });
    send(async () => {
      try {
        const told = await request('/api/v1/prices/refresh', { method: 'POST', body });
        toast(`${told.name}: ${plural(told.added, 'new price')}, ${told.changed} changed, ${told.unchanged} as before, ${told.ended} ended`);
      } catch (problem) {
        const each = problem instanceof ApiError ? mistakesIn(problem) : [];
        if (!each.length) throw problem;
        throw new ApiError(422, { errors: [{ parameter: 'content', allowed: `${each.slice(0, 12).join('; ')}${each.length > 12 ? `; and ${each.length - 12} more` : ''}` }] }, null);
      }
      leave();
      done();
    });
  };
  return html`<${Card} title="Prices from a file" sub="they take the place of those that came with a file of this name"><form class="card-form" ref=${form} onSubmit=${submit} noValidate>
    <${Mistakes} wrong=${wrong} what="Nothing was taken" />
    <div class="fields">
      <${Field} id="file-choose" label="File" help="YAML, as price files are written"><input id="file-choose" type="file" accept=".yml,.yaml,.txt" onChange=${chosen} /><//>
      <${Field} id="file-name" label="Name" wrong=${wrong.name}><input ...${inputOf('file-name', 'name', wrong)} maxlength="64" placeholder="ours.yml" /><//>
    </div>
    <${Field} id="file-content" label="Its text" wrong=${wrong.content}><textarea ...${inputOf('file-content', 'content', wrong)} class="mono" rows="9" ref=${text} placeholder=${EXAMPLE}></textarea><//>
    <div class="bar"><span class="bar-end"><button class="button" type="button" onClick=${leave}>Cancel</button><button class="button primary" type="submit" disabled=${busy}>${busy ? 'Reading …' : 'Take these prices'}</button></span></div></form><//>`;
}
