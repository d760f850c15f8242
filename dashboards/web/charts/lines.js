// @ts-check
/**
 * Lines over time with uPlot: gaps stay gaps and are hatched; a band between two of the lines; behind them what was expected.
 *
 * Given: times in unix seconds and a row of values (null: unknown) per line. Gives: the drawing with cursor, drag and click, by keys too.
 * Never: a line joined across seconds in which nothing came.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { html } from '../html.js';
import { useSize } from '../parts/hooks.js';
import { theme } from '../prefs.js';
import { gaps, ticksAround } from '../points.js';
import { clock, day, minute } from '../format.js';
import { zone } from '../url.js';
import { Tip } from './frame.js';
import { Aloud, useWalk } from './walk.js';

/** @typedef {{label: string, slot: number, width: number, dash?: number[]}} Line */
/** Between which values it was expected. @typedef {{low: (number | null)[], high: (number | null)[]}} Expected */

/** px to the left and right of the axis. */
const AXIS = 52;
const RIGHT = 14;
const DOUBLE_MS = 300;
const NOTHING = { left: 0, width: 0, top: 0, height: 0 };

/**
 * @param {{statement: string, times: number[], values: (number | null)[][], lines: Line[], band?: [number, number], text: (value: number | null) => string, axis: (value: number) => string,
 *   height?: number, onPick?: (start: number, end: number) => void, onBack?: () => void, marks?: import('./marks.js').Happened, expected?: Expected | null, y?: any}} props band: upper and lower line; onPick in ms; onBack: on a double click; y: another scale
 */
export function Lines({ statement, times, values, lines, band, text, axis, height = 220, onPick, onBack, marks, expected, y }) {
  const [ref, width] = useSize();
  const plot = useRef(/** @type {any} */ (null));
  const data = useRef(/** @type {any[]} */ ([]));
  const pick = useRef(onPick);
  const [cursor, setCursor] = useState(/** @type {{index: number, x: number} | null} */ (null));
  const dark = useDark();
  const step = times[1] - times[0];
  data.current = [times, ...values, ...(expected ? [expected.high, expected.low] : [])];
  pick.current = onPick;

  useEffect(() => {
    if (!width) return undefined;
    const made = new uPlot(options({ width, height, lines, band, axis, expected: Boolean(expected), setCursor, pick, step, patient: onBack !== undefined, y }), data.current, ref.current);
    plot.current = made;
    return () => { made.destroy(); plot.current = null; };
  }, [width, height, dark, theme.value, zone.value, step, !expected, y, lines.length]);
  useEffect(() => { plot.current?.setData(data.current); }, [times, values]);

  const walk = useWalk(times, onPick && ((first, last) => onPick(times[first] * 1000, (times[last] + step) * 1000)));
  useEffect(() => {
    const chart = plot.current;
    if (!chart) return;
    const x = (/** @type {number} */ index) => chart.valToPos(times[index], 'x');
    chart.setCursor(walk.at < 0 ? { left: -10, top: -10 } : { left: x(walk.at), top: 0 });
    chart.setSelect(walk.chosen ? { left: x(walk.chosen[0]), width: x(walk.chosen[1]) - x(walk.chosen[0]), top: 0, height: chart.over.clientHeight } : NOTHING, false);
  }, [walk.at, walk.chosen?.join()]);
  const rows = (/** @type {number} */ index) => [
    ...lines.map((line, place) => ({ ...line, value: values[place][index] === null ? 'no data' : text(values[place][index]) })).reverse(),
    ...(expected && expected.high[index] !== null ? [{ label: 'expected', slot: 8, value: `${text(expected.low[index])} to ${text(expected.high[index])}` }] : []),
  ];
  const unknown = values.every((row) => row.every((value) => value === null));
  const edges = times.length > 1 ? [times[0] * 1000, (times.at(-1) ?? 0) * 1000] : [];
  return html`<div class="plot" style=${{ height: `${height}px` }} role="img" aria-label=${statement} ...${walk.keys} onDblClick=${onBack}><div ref=${ref} class="plot-host"></div>
    ${marks?.list.length ? html`<${marks.Guides} marks=${marks.list} edges=${edges} left=${AXIS} right=${RIGHT} />` : null}
    ${unknown ? html`<p class="plot-note">No data</p>` : null}
    ${cursor && times[cursor.index] !== undefined ? html`<${Tip} x=${cursor.x} width=${width} title=${clock(times[cursor.index] * 1000, zone.value)} rows=${rows(cursor.index)} />` : null}
  </div><${Aloud} text=${walk.at < 0 ? '' : walk.chosen ? `${clock(times[walk.chosen[0]] * 1000, zone.value)} to ${clock(times[walk.chosen[1]] * 1000, zone.value)}${onPick ? ', Enter opens' : ''}` : `${clock(times[walk.at] * 1000, zone.value)}: ${rows(walk.at).map((row) => `${row.label} ${row.value}`).join(', ')}`} />${marks?.list.length ? html`<${marks.Strip} marks=${marks.list} edges=${edges} left=${AXIS} right=${RIGHT} width=${width} />` : null}`;
}

/** Whether the system is dark just now, followed. */
function useDark() {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  return dark;
}

/** A mark of the time axis: the clock, or the day where the marks are as far apart, and at midnight. @param {number} ms @param {number[]} marks s */
function moment(ms, marks) {
  const text = minute(ms, zone.value);
  return marks.length > 1 && (marks[1] - marks[0] >= 43_200 || text === '00:00') ? day(ms, zone.value) : text;
}

/** @param {{width: number, height: number, lines: Line[], band?: [number, number], expected: boolean, axis: (value: number) => string, setCursor: (at: any) => void, pick: any, step: number, patient: boolean, y: any}} of a click waits for a second one where that means something */
function options({ width, height, lines, band, expected, axis: spell, setCursor, pick, step, patient, y }) {
  const css = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
  const font = `11px ${colour('--font')}`;
  const faint = (/** @type {string} */ name, /** @type {number} */ percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;
  const edge = { stroke: faint('--s8', 45), width: 1, dash: [3, 3], spanGaps: false, points: { show: false } };
  let clicked = 0;
  const axis = { stroke: colour('--text-3'), font, grid: { stroke: colour('--grid'), width: 1 }, ticks: { show: false } };
  return {
    width, height, legend: { show: false }, padding: [8, RIGHT, 0, 0],
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: true }, y: y?.scale ?? { range: (/** @type {any} */ _, /** @type {number} */ least, /** @type {number} */ most) => { const marks = ticksAround(least, most); return [Math.min(0, marks[0]), Number(marks.at(-1))]; } } },
    axes: [
      { ...axis, size: 24, gap: 6, space: 84, values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map((mark) => moment(mark * 1000, marks)) },
      { ...axis, size: AXIS, gap: 8, splits: y?.splits ?? ((/** @type {any} */ chart) => ticksAround(chart.scales.y.min, chart.scales.y.max)), values: (/** @type {any} */ chart, /** @type {number[]} */ marks) => marks.map((mark) => (chart.data.slice(1).some((/** @type {any[]} */ row) => row.some((value) => value !== null)) ? spell(mark) : '')) },
    ],
    series: [{}, ...lines.map((line) => ({ stroke: colour(`--s${line.slot}`), width: line.width, dash: line.dash, spanGaps: false, points: { show: hasLonely, filter: lonely, size: 4 } })), ...(expected ? [edge, edge] : [])],
    bands: [
      ...(band ? [{ series: [band[0] + 1, band[1] + 1], fill: faint('--s2', 8) }] : []),
      ...(expected ? [{ series: [lines.length + 1, lines.length + 2], fill: faint('--s8', 12) }] : []),
    ],
    hooks: {
      ready: [(/** @type {any} */ chart) => chart.over.addEventListener('click', (/** @type {MouseEvent} */ event) => {
        const at = chart.data[0][chart.cursor.idx];
        clearTimeout(clicked);
        if (at !== undefined && event.detail === 1) clicked = window.setTimeout(() => pick.current?.(at * 1000, (at + step) * 1000), patient ? DOUBLE_MS : 0);
      })],
      drawClear: [(/** @type {any} */ chart) => hatch(chart, step, colour('--line-strong'))],
      setCursor: [(/** @type {any} */ chart) => setCursor(chart.cursor.idx === null || chart.cursor.left < 0 ? null : { index: chart.cursor.idx, x: chart.cursor.left + chart.bbox.left / devicePixelRatio })],
      setSelect: [(/** @type {any} */ chart) => {
        if (chart.select.width < 4) return;
        const from = chart.posToVal(chart.select.left, 'x');
        const to = chart.posToVal(chart.select.left + chart.select.width, 'x');
        chart.setSelect(NOTHING, false);
        pick.current?.(from * 1000, to * 1000);
      }],
    },
  };
}

/** Known values with unknown neighbours; they are drawn as dots, since no line would show them. @param {any} chart @param {number} series */
function lonely(chart, series) {
  const row = chart.data[series];
  const alone = [];
  for (let index = 0; index < row.length; index += 1) {
    if (row[index] !== null && (row[index - 1] ?? null) === null && (row[index + 1] ?? null) === null) alone.push(index);
  }
  return alone;
}

/** @param {any} chart @param {number} series */
const hasLonely = (chart, series) => lonely(chart, series).length > 0;

/** @param {any} chart @param {number} step s @param {string} colour */
function hatch(chart, step, colour) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.globalAlpha = 0.35;
  ctx.lineWidth = devicePixelRatio;
  for (const [first, last] of gaps(chart.data[1])) {
    const left = Math.max(bbox.left, chart.valToPos(chart.data[0][first] - step, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(chart.data[0][last] + step, 'x', true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.beginPath();
    for (let x = left - bbox.height; x < right; x += 6 * devicePixelRatio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
  ctx.restore();
}
