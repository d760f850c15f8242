// @ts-check
/** Spend over time, stacked by group. A sum per bucket, so bars; the running bucket is lighter. Never: null drawn as nothing spent. */
import { html } from '../html.js';
import { day, isUnknown, minute, money, moneyLength, shortDateTime, whole } from '../format.js';
import { link, navigate, zone } from '../url.js';
import { absoluteRange } from '../time.js';
import { ChartCard } from '../charts/frame.js';
import { Bars } from '../charts/bars.js';
import { useMarks } from '../charts/marks.js';
import { Faces } from '../parts/card.js';
import { GROUPS } from './costs-breakdown.js';
import { bucketStart, coarse, slotsOf } from '../trend.js';

/** @param {any} data @param {any[]} trend */
function shape(data, trend) {
  const slots = slotsOf(data.breakdown);
  const named = data.breakdown.filter((/** @type {any} */ row) => slots.has(row.category));
  const categories = named.map((/** @type {any} */ row) => row.category);
  const hasOther = data.breakdown.some((/** @type {any} */ row) => !isUnknown(row.cost) && !categories.includes(row.category));
  const series = [...named.map((/** @type {any} */ row) => ({ label: row.category ?? 'none', slot: slots.get(row.category) })), ...(hasOther ? [{ label: 'other', slot: 0 }] : [])];
  const starts = trend.map((/** @type {any} */ one) => bucketStart(one.date, data.timezone));
  const width = starts.length > 1 ? starts[1] - starts[0] : 864e5;
  const buckets = trend.map((/** @type {any} */ one, /** @type {number} */ index) => {
    const parts = categories.map((/** @type {string} */ category) => one.by?.[category] ?? null);
    const known = parts.reduce((/** @type {number} */ sum, /** @type {string | null} */ part) => sum + (moneyLength(part) ?? 0), 0);
    const rest = isUnknown(one.cost) ? null : Math.max(0, Number(moneyLength(one.cost)) - known);
    const unknown = isUnknown(one.cost);
    return {
      at: starts[index], end: starts[index + 1] ?? starts[index] + width, partial: one.complete === false,
      values: unknown ? series.map(() => null) : [...parts.map((/** @type {string | null} */ part) => moneyLength(part) ?? 0), ...(hasOther ? [rest] : [])],
      texts: unknown ? series.map(() => (isUnknown(one.calls) ? 'no data' : 'not priced')) : [...parts.map((/** @type {string | null} */ part) => (part === null ? '' : money(part))), ...(hasOther ? [rest && rest > 1e-12 ? money(rest.toFixed(12)) : ''] : [])],
      title: `${label(starts[index], width)} · ${money(one.cost)}${one.unpriced_calls ? ` + ${whole(one.unpriced_calls)} unpriced` : ''}${one.complete === false ? ' so far' : ''}`,
    };
  });
  return { series, buckets, width };
}

/** @param {number} ms @param {number} width */
function label(ms, width) {
  if (width < 20 * 36e5) return minute(ms, zone.value);
  return width > 20 * 864e5 ? new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: zone.value }).format(ms) : day(ms, zone.value);
}

/** @param {number} value */
function axisMoney(value) {
  if (value === 0 || value >= 1) return money(String(value)).replace(/\.00$/, '');
  const text = value.toFixed(12).replace(/0+$/, '');
  return `$${text.padEnd(4, '0')}`;
}

/** @param {{load: import('../api.js').Load, data: any, group: string}} props */
export function Trend({ load, data, group }) {
  const trend = data ? coarse(data.trend) : [];
  const shaped = data ? shape(data, trend) : null;
  const unit = !shaped || shaped.width < 20 * 36e5 ? 'hour' : shaped.width > 20 * 864e5 ? 'month' : 'day';
  const open = (/** @type {number} */ from, /** @type {number} */ to) => navigate(link('/traces', { ...absoluteRange(from, to), sort: '-cost' }, ['tz', 'f']));
  const marks = useMarks(shaped?.buckets[0]?.at ?? null, shaped?.buckets.at(-1)?.end ?? null);
  const legend = (shaped?.series ?? []).map((/** @type {any} */ one) => ({ label: one.label, slot: one.slot }));
  if (trend.some((one) => isUnknown(one.cost) && isUnknown(one.calls))) legend.push({ label: 'no data', slot: null, hatched: true });
  if (trend.some((one) => isUnknown(one.cost) && !isUnknown(one.calls))) legend.push({ label: 'not priced', slot: null, hatched: true });
  return html`<${ChartCard} title="Spend over time" sub=${`${shaped ? `per ${unit}, ` : ''}by ${GROUPS[/** @type {keyof typeof GROUPS} */ (group)].toLowerCase()}`} busy=${load.busy} legend=${legend} empty=${!data} marks=${marks}
    table=${() => ({ columns: ['When', 'Cost', 'Calls', 'Unpriced'], rows: trend.map((/** @type {any} */ one, /** @type {number} */ index) => {
      const bucket = shaped?.buckets[index];
      return [html`<a href=${link('/traces', { ...absoluteRange(Number(bucket?.at), Number(bucket?.end)) }, ['tz', 'f'])}>${label(Number(bucket?.at), Number(shaped?.width))}</a>`, money(one.cost), whole(one.calls), whole(one.unpriced_calls)];
    }) })}>
    ${shaped ? html`<${Bars} statement=${`Spend per ${unit}: ${trend.length} bars, ${money(data.total_cost)} in all, since ${shortDateTime(shaped.buckets[0]?.at, zone.value)}`} buckets=${shaped.buckets} series=${shaped.series} height=${220} axis=${axisMoney} time=${(/** @type {number} */ ms) => label(ms, shaped.width)} onPick=${open} marks=${marks} />` : html`<${Faces} load=${{ ...load, data: null }} what="the trend" blank=${html`<div class="face blank trend-blank"></div>`}>${() => null}<//>`}
  <//>`;
}
