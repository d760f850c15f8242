// @ts-check
/** The budget of one objective over its window, as it was spent. Never: a gap drawn as a quiet time. */
import { html } from '../html.js';
import { useLoad } from '../api.js';
import { instant, percent, shortDateTime, whole } from '../format.js';
import { spell, zone } from '../url.js';
import { ChartCard } from '../charts/frame.js';
import { BurnDown } from '../charts/burndown.js';
import { Empty, Faces } from '../parts/card.js';
import { span, times } from '../slo/words.js';

const EVERY_MS = 60_000;

/** @param {any} point @returns {import('../slo/drawn.js').Part} */
export const part = (point) => ({
  at: Number(instant(point.from)), end: Number(instant(point.to)), left: point.remaining_ratio, burn: point.burn_rate, bad: point.total - point.good, total: point.total,
  known: point.known, excluded: point.excluded_minutes > 0,
});

/** @param {{name: string, search: URLSearchParams, still?: boolean}} props still: read once, for paper */
export function Series({ name, search, still = false }) {
  const load = useLoad(`/api/v1/slos/${name}/series${spell(search)}`, { every: still ? 0 : EVERY_MS, subject: `${name} ${search}` });
  const parts = /** @type {import('../slo/drawn.js').Part[]} */ ((load.data?.points ?? []).map(part));
  const unseen = parts.every((one) => one.left === null);
  const legend = [
    { label: 'left', slot: 1, line: true },
    ...(parts.some((one) => !one.known) ? [{ label: 'not known', slot: null, hatched: true }] : []),
    ...(parts.some((one) => one.excluded) ? [{ label: 'planned downtime', slot: 0 }] : []),
  ];
  const rows = () => parts.map((one) => [shortDateTime(one.at, zone.value), one.left === null ? 'not known' : percent(one.left), times(one.burn), `${one.total ? `${whole(one.bad)} of ${whole(one.total)}` : 'no events'}${one.excluded ? ', in part planned downtime' : ''}`]);
  return html`<${ChartCard} title="Budget left over the window" sub=${load.data ? `in parts of ${span(load.data.width_s)}; the thin line spends it exactly` : ''} legend=${legend} empty=${unseen} busy=${load.busy} table=${() => ({ columns: ['From', 'Left', 'Burn rate', 'Bad of all'], rows: rows() })}>
    <${Faces} load=${load} what="the budget over time" blank=${html`<div class="face blank trend-blank"></div>`}>${() => (unseen ? html`<${Empty} title="Nothing was counted in this window, so there is nothing to draw." />` : html`<${BurnDown} parts=${parts} statement=${`Budget left over time: ${parts.length} parts of ${span(load.data.width_s)}; at the end ${percent(parts.at(-1)?.left ?? null)} are left`} />`)}<//><//>`;
}
