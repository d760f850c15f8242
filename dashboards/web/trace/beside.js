// @ts-check
/** Ways to pick a second trace: a typical one, one of the list, or one by its id. Never: the trace itself. */
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request, useAsking } from '../api.js';
import { instant } from '../format.js';
import { formatFilter } from '../filters.js';
import { link, setParams } from '../url.js';
import { absoluteRange } from '../time.js';

const AROUND_MS = 3_600_000;

/** @param {{trace: any}} props */
export function Beside({ trace }) {
  const { wrong, busy, ask, refuse } = useAsking();
  const start = instant(trace.start) ?? 0;
  const listed = link('/traces', { compare: trace.trace_id, f: trace.name ? formatFilter({ key: 'name', op: ':', value: trace.name, negated: false }) : null, ...absoluteRange(start - AROUND_MS, start + AROUND_MS) }, ['tz']);
  const typical = () => ask(async () => {
    const found = await request(`/api/v1/traces/${trace.trace_id}/typical`);
    setParams({ with: found.trace_id, sel: null, tab: null, zoom: null });
  });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const id = String(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get('id')).trim().toLowerCase();
    if (!/^[0-9a-f]{1,32}$/.test(id)) refuse('A trace id has up to 32 digits 0–9 and a–f.');
    else if (id.padStart(32, '0') === trace.trace_id) refuse('That is this trace.');
    else setParams({ with: id, sel: null, tab: null, zoom: null });
  };
  return html`<button class="button" disabled=${busy} onClick=${typical}>With a typical one</button>
    <a class="button" href=${listed}>Pick from the list</a>
    <form onSubmit=${submit}><label>Trace id<input name="id" autocomplete="off" spellcheck=${false} required aria-describedby="compare-wrong" /></label><button class="button" type="submit"><${Icon} name="right" /><span class="hidden-text">Compare with this id</span></button></form>
    <p class="field-error" id="compare-wrong" role="status">${wrong}</p>`;
}
