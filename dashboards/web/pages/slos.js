// @ts-check
/**
 * Objectives: how much failure can still be afforded, how fast it goes, worst first.
 *
 * Given: the objectives, `show` of the URL. Gives: one sentence, a row each. Never: a good word for one that cannot be judged.
 */
import { useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { isUnknown, percent, plural } from '../format.js';
import { link, params, setParams } from '../url.js';
import { usePageKeys } from '../keys.js';
import { Card, Command, Empty, Faces } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { Left } from '../charts/left.js';
import { exactPercent, goneIn, isBurning, pairsInShort, standing, stateLook, stateReason, times, unknownBecause, windowWords } from '../slo/words.js';

export const title = 'SLOs';
export const styles = '/assets/pages/pledges.css';
const EVERY_MS = 30_000;

/** @type {Record<string, {text: string, keep: (slo: any) => boolean, none: string}>} */
const SHOWN = {
  all: { text: 'All', keep: () => true, none: '' },
  burning: { text: 'Burning', keep: isBurning, none: 'No objective is known to burn over its thresholds.' },
  spent: { text: 'Budget spent', keep: (slo) => slo.state === 'breach', none: 'No objective is known to have spent its budget.' },
  unknown: { text: 'Unknown', keep: (slo) => slo.state !== 'ok' && slo.state !== 'breach', none: 'Every objective can be judged.' },
};

/** Least left first; what is not known comes last. @param {any} one @param {any} other */
const byLeft = (one, other) => (one.remaining_ratio ?? Infinity) - (other.remaining_ratio ?? Infinity) || one.name.localeCompare(other.name);

export function View() {
  const load = useLoad('/api/v1/slos', { every: EVERY_MS });
  return html`<div class="page slos-page"><${Faces} load=${load} what="the objectives" boxed=${true} blank=${html`<div class="card blank head-blank"></div><div class="card blank list-blank"></div>`}>${(/** @type {any} */ data) => (data.slos.length ? html`<${Objectives} slos=${data.slos} />` : html`<${None} />`)}<//></div>`;
}

function None() {
  return html`<${Card} title="No objectives yet"><${Empty} title="An objective says how many of your calls must go well, and spanledger counts what may still go wrong.">
    <p class="quiet">For a service that calls models, six to begin with: calls succeed, answers begin, flow and end soon, cost little, and have a known price.</p>
    <${Command} text="spanledger slo defaults llm --service my-service | spanledger slo import -" />
    <p class="quiet">In place of <code>llm</code>, <code>audio</code> gives four for a service that works on speech. Any OpenSLO document will do, and one can be written here.</p>
    <a class="button" href=${link('/slos/new', {}, ['tz'])}><${Icon} name="plus" />New objective</a><//><//>`;
}

/** @param {{slos: any[]}} props */
function Objectives({ slos }) {
  const asked = params.value.get('show') ?? 'all';
  const show = Object.hasOwn(SHOWN, asked) ? asked : 'all';
  const said = standing(slos);
  const shown = slos.filter(SHOWN[show].keep).sort(byLeft);
  return html`<div class=${`sentence ${said.tone}`}><${Icon} name=${said.icon} /><div class="sentence-text"><h2>${said.title}</h2>${said.text ? html`<p>${said.text}</p>` : null}</div></div>
    <div class="bar"><div class="segments" role="group" aria-label="Which objectives">${Object.entries(SHOWN).map(([name, one]) => html`<button key=${name} aria-pressed=${name === show} onClick=${() => setParams({ show: name === 'all' ? null : name })}>${one.text}${name === 'all' ? null : html` <span class="quiet">${slos.filter(one.keep).length}</span>`}</button>`)}</div></div>
    <${Card} title="Objectives" sub=${show === 'all' ? 'least left first' : plural(shown.length, 'objective')} actions=${html`<a class="button" href=${link('/slos/new', {}, ['tz'])}><${Icon} name="plus" />New</a><a class="button" href=${link('/reports/sla', {}, ['tz'])}><${Icon} name="table" />Month</a><a class="button" href="/api/v1/slos/openslo" download="objectives.yaml"><${Icon} name="download" />OpenSLO</a>`}>
      ${shown.length ? html`<${Rows} slos=${shown} />` : html`<${Empty} title=${SHOWN[show].none}><button class="button" onClick=${() => setParams({ show: null })}>Show all</button><//>`}<//>`;
}

/** @param {{slos: any[]}} props */
function Rows({ slos }) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const move = (/** @type {number} */ by) => {
    const links = [...(body.current?.querySelectorAll('a') ?? [])];
    links[Math.max(0, Math.min(links.length - 1, links.indexOf(/** @type {any} */ (document.activeElement)) + by))]?.focus();
  };
  usePageKeys({ j: () => move(1), k: () => move(-1) });
  return html`<table class="table cards-narrow slos-table">
    <thead><tr><th scope="col">Objective</th><th scope="col">State</th><th scope="col" class="extra-cell">Pairs of windows</th><th scope="col" class="num">Target</th><th scope="col" class="num">Achieved</th><th scope="col" colspan="2">Budget left</th><th scope="col" class="num">Burn 1 h</th><th scope="col" class="num">Gone in</th></tr></thead>
    <tbody ref=${body}>${slos.map((slo) => html`<${Row} key=${slo.id} slo=${slo} />`)}</tbody></table>`;
}

/** @param {{slo: any}} props */
function Row({ slo }) {
  const state = stateLook(slo);
  const pairs = pairsInShort(slo);
  const hour = slo.burn_rates.find((/** @type {any} */ one) => one.window_s === 3600);
  return html`<tr class="row-link">
    <td class="cell-name"><a href=${link(`/slos/${encodeURIComponent(slo.name)}`, {}, ['tz'])} title=${slo.description ?? slo.name}>${slo.display_name}</a><span class="cell-under">${[slo.service, windowWords(slo.window)].filter(Boolean).join(' · ')}</span></td>
    <td class="cell-state"><${Chip} look=${state} title=${stateReason(slo)} />${slo.state === 'ok' || slo.state === 'breach' ? null : html`<span class="cell-under">${unknownBecause(slo)}</span>`}</td>
    <td class=${`extra-cell cell-pairs${pairs.look.tone === 'ok' || state.tone === 'unk' ? ' calm' : ''}`}><span class="pairs-short"><${Chip} look=${pairs.look} plain=${pairs.look.tone === 'ok'} /><span class="quiet">${pairs.text}</span></span></td>
    <td class="num wide-cell">${exactPercent(slo.target)}</td>
    <td class="num cell-sub"><${Figure}>${exactPercent(slo.achieved_performance, slo.target)}<//>${slo.estimated || !slo.weighed ? html`<span class="quiet" title=${slo.weighed ? 'Estimated from sampled spans' : 'No span says how it was sampled: each stands for itself'}> ≈</span>` : null}<span class="narrow-only"> of ${exactPercent(slo.target)}</span></td>
    <td class="cell-bar"><${Left} ratio=${slo.remaining_ratio} tone=${state.tone} /></td>
    <td class="num cell-figure"><${LeftFigure} ratio=${slo.remaining_ratio} /></td>
    <td class="num cell-figure2" title="burn rate of the last hour"><${Figure}>${times(hour?.burn_rate)}<//><span class="narrow-only"> last hour</span></td>
    <td class="num wide-cell"><${Figure}>${goneIn(slo) ?? '—'}<//></td></tr>`;
}

/** "61.8 %", or "−14 % overspent". @param {{ratio: number | null}} props */
export function LeftFigure({ ratio }) {
  if (isUnknown(ratio)) return html`<${Figure}>—<//>`;
  return Number(ratio) < 0 ? html`<span class="crit-text">${percent(ratio)}</span><span class="hidden-text"> overspent</span>` : percent(ratio);
}
