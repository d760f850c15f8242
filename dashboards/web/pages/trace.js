// @ts-check
/**
 * One trace: where its time and its money went.
 *
 * Given: the trace's id, `sel`, `tab`, `zoom`, `path` and `with` of the URL. Gives: head figures, minimap, waterfall, detail of a span.
 * Never: a missing span passed over in silence.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { session, useLoad } from '../api.js';
import { count, duration, instant, isUnknown, milliseconds, percent, plural, whole } from '../format.js';
import { outcome } from '../status.js';
import { link, params, route, setParams } from '../url.js';
import { usePageKeys } from '../keys.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip, Figure, Money } from '../parts/chip.js';
import { useDismiss } from '../parts/hooks.js';
import { Later } from '../parts/later.js';
import { buildTree, extent, firstToken, walk } from '../trace/layout.js';
import { Minimap } from '../trace/minimap.js';
import { Waterfall } from '../trace/waterfall.js';
import { CostBox, Detail } from '../trace/detail.js';

const SHOWN_SPANS = 20_000;
const NARROW = matchMedia('(max-width: 760px)');

function Crumbs() {
  return html`<a href=${link('/traces', {}, ['tz'])}>Traces</a> <span class="crumb">/ ${route.value.path.split('/')[2]?.slice(0, 8) ?? ''}</span>`;
}

export const name = 'Trace';
export const styles = '/assets/pages/traces.css';
export const title = html`<${Crumbs} />`;

/** @param {{argument: string}} props */
export function View({ argument }) {
  const id = argument.toLowerCase().padStart(32, '0');
  const load = useLoad(`/api/v1/traces/${id}`, { subject: id });
  if (load.error?.status === 404) {
    return html`<div class="page"><${Card} title="No such trace"><${Empty} title="No spans and no ledger lines are stored under this id."><p class="quiet">It may be older than the retention, not sampled and without calls, or not have arrived yet.</p><p><button class="button" onClick=${load.reload}>Look again</button> <a class="button" href="/traces">Search traces</a></p><//><//></div>`;
  }
  return html`<div class="page trace-page"><${Faces} load=${load} what="the trace" boxed=${true} blank=${html`<div class="card blank head-blank"></div><div class="card blank water-blank"></div>`}>${(/** @type {any} */ trace) => (params.value.has('with') ? html`<${Later} key="with" load=${() => import('../trace/comparison.js')} part="Comparison" trace=${trace} />` : html`<${Trace} key=${trace.trace_id} trace=${trace} />`)}<//></div>`;
}

/** @param {{trace: any}} props */
function Trace({ trace }) {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const changed = () => setNarrow(NARROW.matches);
    NARROW.addEventListener('change', changed);
    return () => NARROW.removeEventListener('change', changed);
  }, []);
  const spans = useMemo(() => trace.spans.slice(0, SHOWN_SPANS), [trace]);
  const roots = useMemo(() => buildTree(spans), [spans]);
  const nodes = useMemo(() => { /** @type {import('../trace/layout.js').Node[]} */ const all = []; walk(roots, (node) => { all.push(node); }); return all; }, [roots]);
  const all = useMemo(() => extent(roots, trace.duration_ms), [roots]);
  const [folded, setFolded] = useState(/** @type {Set<string>} */ (new Set()));
  const pathShown = params.value.get('path') === '1';
  const path = usePath(roots, pathShown);
  const togglePath = () => setParams({ path: pathShown ? null : '1' }, { replace: true });
  const view = zoomOf(all);
  const zoom = (/** @type {{start: number, end: number} | null} */ next) => setParams({ zoom: next ? `${shareOf(next.start, all)}-${shareOf(next.end, all)}` : null });
  const asked = nodes.find((node) => node.span.span_id === params.value.get('sel'));
  const chosen = asked ?? (narrow ? null : nodes.find((node) => node.span.status === 'error' && !node.children.some((child) => child.beneath.errors)) ?? nodes[0] ?? null);
  const fold = (/** @type {string[]} */ ids, /** @type {boolean} */ close) => setFolded((old) => { const next = new Set(old); ids.forEach((id) => (close ? next.add(id) : next.delete(id))); return next; });
  const select = (/** @type {string} */ id) => {
    const above = [];
    for (let at = nodes.find((node) => node.span.span_id === id)?.parent ?? null; at; at = at.parent) above.push(at.span.span_id);
    if (above.some((one) => folded.has(one))) fold(above, false);
    setParams({ sel: id }, { replace: true });
  };
  const next = (/** @type {(node: import('../trace/layout.js').Node) => boolean} */ wanted) => {
    const from = chosen ? chosen.index : -1;
    const found = nodes.find((node) => node.index > from && wanted(node)) ?? nodes.find(wanted);
    if (found) select(found.span.span_id);
  };
  const step = (/** @type {number} */ by) => { const node = nodes[Math.max(0, Math.min(nodes.length - 1, (chosen?.index ?? -1) + by))]; if (node) select(node.span.span_id); };
  usePageKeys({
    e: () => next((node) => node.span.status === 'error'), c: () => next((node) => !isUnknown(node.span.ledger?.cost_usd)), f: () => zoom(null),
    w: togglePath, j: () => step(1), k: () => step(-1), Escape: () => (asked ? setParams({ sel: null, tab: null }, { replace: true }) : false),
  });
  const close = narrow ? () => setParams({ sel: null, tab: null }, { replace: true }) : undefined;
  return html`<${Head} trace=${trace} spans=${spans} roots=${roots} />
    <${Notices} trace=${trace} shown=${spans.length} />
    ${nodes.length ? html`<div class="trace-body">
      <section class="card water-card" aria-label="Waterfall">
        <header class="card-head"><h2>Spans</h2><span class="card-actions"><button class="button toggle" aria-pressed=${pathShown} onClick=${togglePath} title="The chain of spans that decided when the trace ended (w)">Critical path</button>${session.value?.jaeger_url ? html`<a class="button" href=${`${session.value.jaeger_url.replace(/\/+$/, '')}/trace/${trace.trace_id}`} target="_blank" rel="noopener noreferrer">Jaeger</a>` : null}<${Compare} trace=${trace} /></span></header>
        ${path ? html`<${Later} load=${() => import('../trace/path-bar.js')} part="PathBar" path=${path} nodes=${nodes} select=${select} />` : null}
        <${Minimap} nodes=${nodes} whole=${all} view=${view} zoom=${zoom} />
        <${Waterfall} roots=${roots} folded=${folded} fold=${fold} view=${view} selected=${chosen?.span.span_id ?? null} select=${select} narrow=${narrow} path=${path} /></section>
      ${chosen ? html`<div class=${narrow ? 'sheet' : 'detail-side'}><${Detail} key=${chosen.span.span_id} node=${chosen} trace=${trace} own=${path?.own.get(chosen.span.span_id) ?? null} close=${close} /></div>` : null}
    </div>` : null}
    ${trace.ledger?.length ? html`<${Orphans} lines=${trace.ledger} hasSpans=${nodes.length > 0} />` : null}`;
}

/** The critical path, once it is asked for and what works it out is there. @param {import('../trace/layout.js').Node[]} roots @param {boolean} asked */
function usePath(roots, asked) {
  const [walker, setWalker] = useState(/** @type {typeof import('../trace/critical.js') | null} */ (null));
  useEffect(() => { if (asked) import('../trace/critical.js').then(setWalker); }, [asked]);
  return useMemo(() => (asked && walker ? walker.criticalPath(roots) : null), [roots, asked, walker]);
}

/** The button that picks a second trace. @param {{trace: any}} props */
function Compare({ trace }) {
  const [open, setOpen] = useState(false);
  const ref = useDismiss(open, () => setOpen(false));
  return html`<div class="pop-host" ref=${ref}>
    <button class="button" aria-expanded=${open} aria-haspopup="dialog" onClick=${() => setOpen(!open)}>Compare</button>
    ${open ? html`<div class="pop compare-pop" role="dialog" aria-label="Compare this trace"><${Later} load=${() => import('../trace/beside.js')} part="Beside" trace=${trace} /></div>` : null}</div>`;
}

/** @param {number} at @param {{start: number, end: number}} all */
const shareOf = (at, all) => ((at - all.start) / (all.end - all.start)).toFixed(4);

/** The part of the trace the URL asks for. @param {{start: number, end: number}} all */
function zoomOf(all) {
  const match = /^(0(?:\.\d+)?|1(?:\.0+)?)-(0(?:\.\d+)?|1(?:\.0+)?)$/.exec(params.value.get('zoom') ?? '');
  const size = all.end - all.start;
  if (!match || Number(match[2]) - Number(match[1]) < 1e-4) return all;
  return { start: all.start + Number(match[1]) * size, end: all.start + Number(match[2]) * size };
}

/** @param {{trace: any, spans: any[], roots: import('../trace/layout.js').Node[]}} props */
function Head({ trace, spans, roots }) {
  const root = roots.find((node) => !node.span.parent_missing) ?? roots[0];
  const lines = [...spans.map((span) => span.ledger).filter(Boolean), ...(trace.ledger ?? [])];
  const tokens = (/** @type {string} */ key) => { const known = lines.map((line) => line[key]).filter((value) => !isUnknown(value)); return known.length ? known.reduce((sum, value) => sum + value, 0) : null; };
  const first = firstToken(spans);
  return html`<section class="card trace-head" aria-label="Trace">
    <h2>${root?.span.name ?? 'Calls without spans'}${trace.error_count ? html`<${Chip} look=${outcome('error')} />` : null}</h2>
    <dl class="figures">
      <div><dt>Duration</dt><dd><${Figure}>${milliseconds(trace.duration_ms)}<//></dd></div>
      <div><dt>Cost</dt><dd><${Money} value=${trace.cost_usd} unpriced=${trace.unpriced_calls} calls=${trace.calls} /></dd></div>
      ${trace.calls ? html`<div><dt>Calls</dt><dd>${whole(trace.calls)}</dd></div><div><dt>Tokens in / out</dt><dd><${Figure}>${count(tokens('input_tokens'))}<//> / <${Figure}>${count(tokens('output_tokens'))}<//></dd></div>` : null}
      ${first === null ? null : html`<div><dt>First token</dt><dd>${duration(first)}</dd></div>`}
      <div><dt>Spans</dt><dd>${whole(trace.span_count)}</dd></div>
      <div><dt>Errors</dt><dd class=${trace.error_count ? 'crit-text' : ''}>${whole(trace.error_count)}</dd></div>
      <div><dt>Started</dt><dd><${Ago} ms=${instant(trace.start)} /></dd></div>
      ${trace.sampling ? html`<div><dt>Kept because</dt><dd class="kept" title=${keptHow(trace.sampling)}>${trace.sampling.reason}${trace.sampling.probability < 1 && trace.sampling.probability !== null ? html` <span class="quiet">(${percent(trace.sampling.probability)})</span>` : null}</dd></div>` : null}
    </dl></section>`;
}

/** @param {{strategy: string | null, probability: number | null, uncounted_spans: number}} sampling */
function keptHow(sampling) {
  const chance = isUnknown(sampling.probability) ? 'probability unknown' : `probability ${percent(sampling.probability)}`;
  const uncounted = sampling.uncounted_spans ? `${plural(sampling.uncounted_spans, 'span')} of unknown weight` : '';
  return [sampling.strategy ? `${sampling.strategy} sampling` : '', chance, uncounted].filter(Boolean).join(', ');
}

/** @param {{trace: any, shown: number}} props */
function Notices({ trace, shown }) {
  const missing = trace.missing_parents ?? 0;
  return html`${missing ? html`<div class="notice" role="status"><${Icon} name="triangle" /><span>${plural(missing, 'span is', 'spans are')} missing; parents were not received.</span></div>` : null}
    ${trace.truncated || shown < trace.spans.length ? html`<div class="notice" role="status"><${Icon} name="triangle" /><span>Showing the first ${whole(shown)} of ${whole(trace.span_count)} spans.</span></div>` : null}`;
}

/** Calls whose span was not kept: the ledger has them all the same. @param {{lines: any[], hasSpans: boolean}} props */
function Orphans({ lines, hasSpans }) {
  return html`<${Card} class="orphan-card" title="Calls without a span here" sub=${hasSpans ? 'their spans were not kept; the ledger has every call' : 'the spans of this trace were not kept; the ledger has every call'}>
    <ul class="orphans">${lines.map((line) => html`<li key=${line.span_id}><p><b>${[line.operation, line.model ?? line.request_model].filter(Boolean).join(' ') || line.kind}</b> <span class="quiet">${line.service} · ${milliseconds(line.duration_ms)}</span></p><${CostBox} line=${line} /></li>`)}</ul><//>`;
}
