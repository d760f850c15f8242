// @ts-check
/** An objective by its groups, worst first, and what the others come to. Never: a group that was left out without being counted. */
import { html } from '../html.js';
import { isUnknown, percent, plural, whole } from '../format.js';
import { KEYS } from '../filters.js';
import { Card } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { elsewhere, exactPercent, stateLook, times } from '../slo/words.js';

/** @param {{slo: any}} props */
export function Groups({ slo }) {
  const { groups } = slo;
  if (!groups) return null;
  const { others } = groups;
  const by = (KEYS[/** @type {keyof typeof KEYS} */ (groups.by)] ?? String(groups.by)).toLowerCase();
  return html`<${Card} title=${`By ${by}`} sub="worst first, each with a budget of its own"><div class="scroll-x" tabindex="0" role="region" aria-label=${`By ${by}, table`}><table class="table">
    <thead><tr><th scope="col">${by}</th><th scope="col">State</th><th scope="col" class="num">Achieved</th><th scope="col" class="num">Budget left</th><th scope="col" class="num wide-cell">Burn</th><th scope="col" class="num">Bad of all</th></tr></thead>
    <tbody>${groups.each.map((/** @type {any} */ one) => html`<tr key=${one.value}><td>${one.value ?? html`<span class="quiet">not set</span>`}</td><td><${Chip} look=${stateLook(elsewhere(one))} /></td>
      <td class="num"><${Figure}>${exactPercent(one.achieved_performance, slo.slo_target)}<//></td><td class="num">${isUnknown(one.remaining_ratio) ? '—' : percent(one.remaining_ratio)}</td><td class="num wide-cell">${times(one.burn_rate)}</td><td class="num">${whole(one.bad)} of ${whole(one.total)}</td></tr>`)}
    ${others.groups ? html`<tr key="others"><td class="quiet">${plural(others.groups, 'other')}</td><td></td><td></td><td></td><td class="wide-cell"></td><td class="num">${whole(others.bad)} of ${whole(others.total)}</td></tr>` : null}</tbody></table></div><//>`;
}
