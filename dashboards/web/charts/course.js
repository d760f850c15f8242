// @ts-check
/**
 * Money over a period: what was spent so far, where it goes with P10 to P90 as a band, the limit, and when it is reached.
 *
 * Given: points of the past and of what is ahead. Gives: the drawing with legend, cursor by pointer and keys, and the same as a table. Never: a band where nothing is known.
 */
import { useId, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { day, minute, money, shortDateTime } from '../format.js';
import { zone } from '../url.js';
import { useSize } from '../parts/hooks.js';
import { ticks } from '../points.js';
import { wayWords } from '../budget/ahead.js';
import { FigureTable, Legend, Tip } from './frame.js';
import { Aloud, useWalk } from './walk.js';

/** @typedef {import('../budget/ahead.js').Way} Way */

const HIGH = 200;
const PAD = { left: 60, right: 14, top: 14, bottom: 22 };

/** @param {number} value */
const usd = (value) => money(String(Number(value.toPrecision(12))));
/** @param {number} value */
const axisUsd = (value) => (value === 0 ? '$0' : usd(value).replace(/\.0+$/, ''));

/** The most that there is, or may be. @param {Way} way */
const topOf = (way) => Math.max(...way.ahead.map((one) => one.high), ...way.past.map(([, spent]) => spent));
/** Whether the limit lies so high that beside it nothing else could be seen. @param {Way} way */
const isFar = (way) => way.limit !== null && way.limit > topOf(way) * 2.5;

/** What can be read at each moment. @param {Way} way */
const momentsOf = (way) => [
  ...way.past.slice(0, -1).map(([t, spent]) => ({ t, rows: [{ label: 'spent', slot: 1, value: usd(spent) }] })),
  ...way.ahead.map((one, index) => ({ t: one.t, rows: index === 0 ? [{ label: 'spent', slot: 1, value: usd(one.middle) }] : [{ label: 'P90', slot: 8, value: usd(one.high) }, { label: 'P50', slot: 1, value: usd(one.middle) }, { label: 'P10', slot: 8, value: usd(one.low) }] })),
];

/** @param {{way: Way, title: string}} props */
export function Course({ way, title }) {
  const [asTable, setAsTable] = useState(false);
  const keys = [...(way.past.length ? [{ label: 'spent', slot: 1, line: true }] : []), { label: 'P50 ahead', slot: 1, line: true }, { label: 'P10 to P90', slot: null, band: true }, ...(way.limit === null ? [] : [{ label: isFar(way) ? `limit ${axisUsd(way.limit)}, far above` : 'limit', slot: 8, line: true }]), ...(way.reached ? [{ label: 'limit reached', slot: 9 }] : [])];
  const table = () => ({ columns: ['When', 'Spent', 'P10', 'P50', 'P90'], rows: momentsOf(way).map((one) => { const of = (/** @type {string} */ name) => one.rows.find((row) => row.label === name)?.value ?? ''; return [shortDateTime(one.t, zone.value), of('spent'), of('P10'), of('P50'), of('P90')]; }) });
  return html`<div class="course"><div class="course-head"><${Legend} keys=${keys} /><button class="icon-button" type="button" aria-pressed=${asTable} aria-label=${`View ${title} as table`} title="View as table" onClick=${() => setAsTable(!asTable)}><${Icon} name="table" /></button></div>
    ${asTable ? html`<${FigureTable} title=${title} ...${table()} />` : html`<${Drawing} way=${way} title=${title} />`}</div>`;
}

/** @param {{way: Way, title: string}} props */
function Drawing({ way, title }) {
  const [ref, width] = useSize();
  const [hover, setHover] = useState(-1);
  const clip = useId();
  const moments = momentsOf(way);
  const walk = useWalk(moments.map((one) => one.t), undefined);
  const at = hover >= 0 ? hover : walk.at;
  const { ahead, limit, reached } = way;
  const past = /** @type {[number, number][]} */ ([...way.past.slice(0, -1), [ahead[0].t, ahead[0].middle]]);
  const first = past[0][0];
  const last = ahead[ahead.length - 1].t;
  const marks = ticks(Math.max(topOf(way), limit === null || isFar(way) ? 0 : limit * 1.04));
  const most = marks[marks.length - 1];
  const inner = Math.max(1, width - PAD.left - PAD.right);
  const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  const x = (/** @type {number} */ t) => round(PAD.left + (inner * (Math.min(last, Math.max(first, t)) - first)) / (last - first || 1));
  const y = (/** @type {number} */ value) => round(PAD.top + (HIGH - PAD.top - PAD.bottom) * (1 - Math.max(0, value) / most));
  const through = (/** @type {[number, number][]} */ points) => points.map(([t, value], index) => `${index ? 'L' : 'M'}${x(t)} ${y(value)}`).join('');
  const band = `${through(ahead.map((one) => [one.t, one.high]))}${through([...ahead].reverse().map((one) => [one.t, one.low])).replace('M', 'L')}Z`;
  const move = (/** @type {PointerEvent} */ event) => {
    const t = first + ((event.clientX - /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left - PAD.left) / inner) * (last - first);
    setHover(moments.reduce((best, one, index) => (Math.abs(one.t - t) < Math.abs(moments[best].t - t) ? index : best), 0));
  };
  const long = last - first > 2 * 864e5;
  const shares = width < 480 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const said = wayWords(way, zone.value);
  return html`<div class="plot" ref=${ref} style=${{ height: `${HIGH}px` }}>
    ${width ? html`<svg role="img" aria-label=${`${title}: ${said}`} ...${walk.keys} width=${width} height=${HIGH} onPointerMove=${move} onPointerLeave=${() => setHover(-1)}>
      <clipPath id=${clip}><rect x=${PAD.left} y="0" width=${inner + PAD.right} height=${HIGH} /></clipPath>
      ${marks.map((mark) => html`<g key=${mark}><path class="grid-line" d=${`M${PAD.left} ${y(mark)}H${width - PAD.right}`} /><text class="axis-text" x=${PAD.left - 8} y=${y(mark) + 4} text-anchor="end">${axisUsd(mark)}</text></g>`)}
      ${shares.map((share) => html`<text key=${share} class="axis-text" x=${PAD.left + inner * share} y=${HIGH - 6} text-anchor=${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}>${(long ? day : minute)(first + share * (last - first) - (share === 1 && long ? 1 : 0), zone.value)}</text>`)}
      <path class="course-band" d=${band} />
      <path class="course-now" d=${`M${x(ahead[0].t)} ${PAD.top}V${HIGH - PAD.bottom}`} /><text class="axis-text" x=${Math.max(PAD.left + 14, Math.min(width - 30, x(ahead[0].t)))} y=${PAD.top - 4} text-anchor="middle">now</text>
      <path class="course-spent" d=${through(past)} /><path class="course-middle" d=${through(ahead.map((one) => [one.t, one.middle]))} />
      ${limit !== null && !isFar(way) ? html`<path class="course-limit" d=${`M${PAD.left} ${y(limit)}H${width - PAD.right}`} /><text class="course-word" x=${width - PAD.right - 2} y=${y(limit) - 5} text-anchor="end">limit ${axisUsd(limit)}</text>
        ${reached ? html`<g clip-path=${`url(#${clip})`}><path class="course-reach" d=${`M${x(reached.early ?? reached.likely ?? last)} ${y(limit)}H${x(reached.late ?? last)}`} />${reached.likely === null ? null : html`<path class="course-mark" d=${`M${x(reached.likely)} ${y(limit) - 6}l6 6l-6 6l-6 -6z`} />`}</g>` : null}` : null}
      ${moments[at] ? html`<path class="course-cursor" d=${`M${x(moments[at].t)} ${PAD.top}V${HIGH - PAD.bottom}`} />` : null}
    </svg>` : null}
    ${moments[at] ? html`<${Tip} x=${x(moments[at].t)} width=${width} title=${shortDateTime(moments[at].t, zone.value)} rows=${moments[at].rows} />` : null}
    <${Aloud} text=${walk.at < 0 ? '' : `${shortDateTime(moments[walk.at].t, zone.value)}: ${moments[walk.at].rows.map((row) => `${row.label} ${row.value}`).join(', ')}`} /></div>`;
}
