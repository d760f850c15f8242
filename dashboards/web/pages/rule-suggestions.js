// @ts-check
/**
 * Rules that may be worth having: those that are off, limits that tell too often, metrics that nobody watches; each replayed over a week before it is offered.
 *
 * Given: the rules. Gives: cards with what each would have done, and one press to use it. Never: a rule made that was not tried, or tried without being asked.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { request, useAsking } from '../api.js';
import { percent, plural } from '../format.js';
import { measure } from '../units.js';
import { condition, scope } from '../alert/words.js';
import { Card } from '../parts/card.js';
import { isAdmin, refusal } from '../parts/form.js';
import { leftOut } from '../alert/suggest.js';
import { Replay } from './rule-replay.js';

/** @typedef {{kind: 'on' | 'limit' | 'new', title: string, why: string, rank: number, rule: any, body: any, calmer: any, replay: any}} Suggestion body: what is sent to the server when it is used */
/** @typedef {{at: number, of: number | null, found: Suggestion[], noisy: number, unknown: number}} Looked */

/** @param {{rules: any[] | null, changed: (text: string) => void}} props */
export function Suggestions({ rules, changed }) {
  const [looked, setLooked] = useState(/** @type {Looked | null} */ (null));
  const { wrong, ask } = useAsking();
  const gone = useRef(false);
  useEffect(() => () => { gone.current = true; }, []);
  const look = () => ask(async () => {
    /** @type {Looked} */
    let state = { at: 0, of: null, found: [], noisy: 0, unknown: 0 };
    setLooked(state);
    try {
      for (let cursor = null, first = true; first || cursor; first = false) { // a replay reads a week: a page of them takes a few seconds
        const page = await request(`/api/v1/rules/suggest${cursor ? `?cursor=${cursor}` : ''}`);
        if (gone.current) return;
        cursor = page.next_cursor;
        const at = state.at + page.tried;
        state = { at, of: cursor ? page.of : at, found: [...state.found, ...page.items].sort((a, b) => a.rank - b.rank), noisy: state.noisy + page.noisy, unknown: state.unknown + page.unknown };
        setLooked(state);
      }
    } catch (failure) {
      setLooked(state.at ? { ...state, of: state.at } : null); // what broke off says nothing of a rule
      throw failure;
    }
  });
  const busy = looked !== null && looked.at !== looked.of;
  const used = (/** @type {Suggestion} */ one, /** @type {string} */ text) => { setLooked((old) => old && { ...old, found: old.found.filter((each) => each !== one) }); changed(text); };
  return html`<${Card} title="Suggestions" sub="from the last 7 days" busy=${busy} actions=${html`<button class="button" disabled=${busy || !rules} onClick=${look}>${busy ? (looked.of ? `Tried ${looked.at} of ${looked.of} …` : 'Trying …') : looked ? 'Look again' : 'Look for rules'}</button>`}>
    ${wrong ? html`<p class="face field-error" role="alert">${wrong}</p>` : null}
    ${looked === null ? html`<p class="face-note">Rules that are off, limits that tell too often, and metrics that no rule watches, each tried on the last week before it is offered. Nobody is told.</p>` : null}
    ${looked?.found.length ? html`<ul class="suggestions">${looked.found.map((one) => html`<${Suggested} key=${`${one.kind} ${one.title}`} one=${one} used=${used} />`)}</ul>` : null}
    ${looked && !busy ? html`<p class="face-note" role="status">${[looked.of === 0 ? 'There is nothing to try: no rule is off or tells too often, and no metric goes unwatched.' : looked.found.length ? `${plural(looked.found.length, 'suggestion')} of ${looked.of} tried.` : `Nothing to suggest, of ${looked.of} tried.`, leftOut(looked)].filter(Boolean).join(' ')}</p>` : null}<//>`;
}

/** @param {{one: Suggestion, used: (one: Suggestion, text: string) => void}} props */
function Suggested({ one, used }) {
  const { wrong, busy, ask } = useAsking();
  const [open, setOpen] = useState(false);
  const { say } = measure(one.rule.unit);
  const { replay, calmer: other } = one;
  const use = () => ask(async () => {
    if (other) await request(`/api/v1/rules/${one.rule.id}`, { method: 'PUT', body: { threshold: other.threshold } });
    else await request(one.kind === 'on' ? `/api/v1/rules/${one.rule.id}/enable` : '/api/v1/rules', { method: 'POST', ...(one.body ? { body: one.body } : {}) });
    used(one, other ? `Changed: ${one.title}` : one.kind === 'on' ? `On: ${one.title}` : `Made: ${one.title}`);
  });
  const label = other ? `Set the limit to ${say(other.threshold)}` : one.kind === 'on' ? 'Switch it on' : 'Make the rule';
  return html`<li><div class="suggested"><p><b>${one.title}</b> <span class="quiet small"><code>${condition(one.rule)}</code>${scope(one.rule) ? ` · ${scope(one.rule)}` : ''}</span></p>
      <p class="small">${one.why}</p>
      <p>${other ? html`At ${say(other.threshold)} it <b>${other.sentence}</b>; as it is, it ${replay.sentence}.` : html`It <b>${replay.sentence}</b>.${replay.unknown_share > 0.1 ? html` <span class="quiet">${percent(replay.unknown_share)} of the time had no data.</span>` : null}`}</p>
      ${wrong ? html`<p class="field-error" role="alert">${wrong}</p>` : null}</div>
    <span class="rule-acts"><button class="button" aria-expanded=${open} aria-label=${`When: ${one.title}`} onClick=${() => setOpen(!open)}>When</button><button class="button primary" aria-label=${`${label}: ${one.title}`} disabled=${busy || !isAdmin()} title=${refusal()} onClick=${use}>${label}</button></span>
    ${open ? html`<div class="suggested-replay"><${Replay} replay=${replay} unit=${one.rule.unit} /></div>` : null}</li>`;
}
