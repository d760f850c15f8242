// @ts-check
/** The command palette: type, choose, go. A combobox over a list of commands. Never: a command run by a key that was meant for another field. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { request } from '../api.js';
import { palette } from '../keys.js';
import { link, navigate, params, setParams } from '../url.js';
import { setTheme } from '../prefs.js';
import { rangeButtonId } from '../parts/range.js';
import { addressOf } from '../parts/kept.js';
import { named, offered, places } from './commands.js';

/** What is asked of the server when the palette opens, and what of the answer is of use. @type {[string, string, (answer: any) => any[]][]} */
const QUESTIONS = [
  ['views', '/api/v1/views', (answer) => answer.items],
  ['services', '/api/admin/monitoring/health/services', (answer) => (answer.services ?? []).map((/** @type {any} */ one) => one.name).filter(Boolean)],
  ['models', '/admin/statistics/costs?period=month&group_by=model', (answer) => answer.breakdown.filter((/** @type {any} */ one) => one.category && !one.folded).map((/** @type {any} */ one) => one.category)],
  ['slos', '/api/v1/slos', (answer) => answer.slos],
  ['alerts', '/api/v1/alerts?state=firing&limit=50', (answer) => answer.items],
];

function useKnown() {
  const [told, setTold] = useState(/** @type {Record<string, any[]>} */ ({}));
  useEffect(() => {
    const abort = new AbortController();
    for (const [key, url, read] of QUESTIONS) request(url, { signal: abort.signal }).then((answer) => setTold((old) => ({ ...old, [key]: read(answer) })), () => undefined); // what cannot be had is not offered
    return () => abort.abort();
  }, []);
  return useMemo(() => ({
    places: places(), named: named(told), ranged: document.getElementById(rangeButtonId) !== null,
    views: (told.views ?? []).map((one) => ({ name: one.name, also: one.page.slice(1), icon: 'star', hint: one.page.slice(1), to: addressOf(one) })),
  }), [told]);
}

/** @param {import('./commands.js').Command} command */
function run(command) {
  const zone = params.value.get('tz');
  if (command.range) setParams({ from: command.range, to: null, cursor: null });
  else if (command.theme) setTheme(command.theme);
  else if (command.to) navigate(zone && !command.to.includes('tz=') ? `${command.to}${command.to.includes('?') ? '&' : '?'}${link('', {}, ['tz']).slice(1)}` : command.to);
}

export function Palette() {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const known = useKnown();
  const groups = offered(typed, known);
  const flat = groups.flatMap((group) => group.items);
  const chosen = Math.min(at, flat.length - 1);
  useEffect(() => { if (!box.current?.open) box.current?.showModal(); }, []);
  useEffect(() => { document.getElementById(`command-${chosen}`)?.scrollIntoView({ block: 'nearest' }); }, [chosen, typed]);
  const close = () => { box.current?.close(); palette.value = false; }; // at once: the event of a dialog that closes comes after the next key
  const choose = (/** @type {import('./commands.js').Command} */ command) => { close(); run(command); };
  const press = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (by) { event.preventDefault(); setAt(Math.abs(by) === 1 ? (chosen + by + flat.length) % Math.max(1, flat.length) : Math.max(0, Math.min(flat.length - 1, chosen + by))); }
    else if (event.key === 'Enter' && flat[chosen] && !event.isComposing) { event.preventDefault(); choose(flat[chosen]); }
  };
  let index = -1;
  return html`<dialog class="dialog palette" ref=${box} aria-label="Commands" onClose=${(/** @type {Event} */ event) => { if (event.target === box.current) palette.value = false; }} onClick=${(/** @type {Event} */ event) => { if (event.target === box.current) close(); }}>
    <div class="palette-field"><${Icon} name="search" /><input autofocus role="combobox" aria-label="Go to, or do" aria-expanded="true" aria-controls="commands" aria-autocomplete="list" aria-activedescendant=${flat.length ? `command-${chosen}` : undefined}
      placeholder="A page, a service, a model, a trace id …" autocomplete="off" spellcheck=${false} onInput=${(/** @type {any} */ event) => { setTyped(event.currentTarget.value); setAt(0); }} onKeyDown=${press} /><button class="icon-button" aria-label="Close" onClick=${close}><${Icon} name="cross" /></button></div>
    <div class="palette-list" role="listbox" id="commands" aria-label="Commands">${groups.map((group) => html`<div key=${group.name} role="group" aria-label=${group.name}><p aria-hidden="true">${group.name}</p>
      ${group.items.map((item) => { index += 1; const mine = index; return html`<div key=${`${item.name} ${item.hint}`} id=${`command-${mine}`} class="command-row" role="option" aria-selected=${mine === chosen} onPointerMove=${() => setAt(mine)} onClick=${() => choose(item)}><${Icon} name=${item.icon} /><span>${item.name}</span>${item.hint ? html`<em>${item.hint}</em>` : null}</div>`; })}</div>`)}</div>
    ${flat.length ? null : html`<p class="face">Nothing has this name.</p>`}
    <p class="hidden-text" role="status">${flat.length} commands</p>
  </dialog>`;
}
