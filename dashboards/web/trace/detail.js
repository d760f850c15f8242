// @ts-check
/** What is known of one span: summary with its cost, messages, attributes, events, logs. Never: content that was not recorded shown as empty. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { useLoad } from '../api.js';
import { clock, duration, exactMoney, instant, isUnknown, milliseconds, money, whole } from '../format.js';
import { formatFilter } from '../filters.js';
import { outcome, priceLook } from '../status.js';
import { link, params, setParams, spell, zone } from '../url.js';
import { Empty, Faces } from '../parts/card.js';
import { Chip, Figure } from '../parts/chip.js';
import { bookOf, counted, rateOf, reasonOf } from './price-words.js';
import { childrenTime } from './layout.js';
import { Messages, messagesOf } from './messages.js';

/** @param {{node: import('./layout.js').Node, trace: any, own?: number | null, close?: () => void}} props own: its time on the critical path, in ns */
export function Detail({ node, trace, own = null, close }) {
  const { span } = node;
  const tabs = [['summary', 'Summary'], ...(span.category === 'model' ? [['messages', 'Messages']] : []), ['attributes', 'Attributes'], ['events', `Events${span.events?.length ? ` ${span.events.length}` : ''}`], ['logs', 'Logs']];
  const asked = params.value.get('tab');
  const tab = tabs.some(([name]) => name === asked) ? asked : 'summary';
  const choose = (/** @type {string} */ name) => setParams({ tab: name === 'summary' ? null : name }, { replace: true });
  const key = (/** @type {KeyboardEvent} */ event) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (tabs.findIndex(([name]) => name === tab) + by + tabs.length) % tabs.length;
    choose(tabs[next][0]);
    document.getElementById(`tab-${tabs[next][0]}`)?.focus();
  };
  return html`<section class="card detail" aria-label=${`Span ${span.name}`}>
    <header class="detail-head"><h2 title=${span.name}>${span.name}</h2><span class="sub">${span.service}</span>${span.status === 'error' ? html`<${Chip} look=${outcome('error')} />` : null}
      ${close ? html`<button class="icon-button" aria-label="Close" onClick=${close}><${Icon} name="cross" /></button>` : null}</header>
    <div class="tab-strip" role="tablist" aria-label="Span detail" onKeyDown=${key}>${tabs.map(([name, text]) => html`<button key=${name} role="tab" id=${`tab-${name}`} aria-selected=${tab === name} aria-controls="detail-panel" tabindex=${tab === name ? 0 : -1} onClick=${() => choose(name)}>${text}</button>`)}</div>
    <div class="detail-body" id="detail-panel" role="tabpanel" aria-labelledby=${`tab-${tab}`} tabindex="0">
      ${tab === 'summary' ? html`<${Summary} node=${node} trace=${trace} own=${own} />` : tab === 'messages' ? html`<${Messages} messages=${messagesOf(span)} />` : tab === 'attributes' ? html`<${Attributes} span=${span} />` : tab === 'events' ? html`<${Events} span=${span} />` : html`<${Logs} span=${span} trace=${trace} />`}
    </div>
  </section>`;
}

/** @param {{node: import('./layout.js').Node, trace: any, own: number | null}} props */
function Summary({ node, trace, own }) {
  const { span } = node;
  const line = span.ledger;
  const covered = childrenTime(node);
  const error = (span.events ?? []).find((/** @type {any} */ event) => event.name === 'exception');
  const facts = [
    ['Start', span.start_offset_ns ? `+${duration(span.start_offset_ns)}` : 'with the trace'],
    ['Duration', isUnknown(span.duration_ns) ? 'still running, or its end never came' : duration(span.duration_ns)],
    ['Self time', isUnknown(span.duration_ns) || !node.children.length ? null : duration(Math.max(0, span.duration_ns - covered))],
    ['On the critical path', own === null ? null : `${duration(own)} of its own`],
    ['First token', isUnknown(line?.time_to_first_chunk_ms) ? null : milliseconds(line.time_to_first_chunk_ms)],
    ['Model', line?.model ?? span.attributes['gen_ai.response.model'] ?? span.attributes['gen_ai.request.model']],
    ['Provider', line?.provider], ['Operation', line?.operation], ['Feature', line?.feature], ['User', line?.user_id], ['User tier', line?.user_tier], ['Session', line?.session_id],
    ['Kind', span.kind], ['Scope', span.scope],
    ['Stands for', isUnknown(span.sampling?.adjusted_count) ? 'unknown: nobody said how it was sampled' : span.sampling.adjusted_count > 1 ? `about ${whole(span.sampling.adjusted_count)} spans` : null],
  ].filter(([, value]) => value);
  return html`${span.status === 'error' ? html`<div class="error-box"><p><${Icon} name="octagon" /><b>${error?.attributes?.['exception.type'] ?? span.attributes['error.type'] ?? 'Error'}</b></p><p>${span.status_message || error?.attributes?.['exception.message'] || 'No message was recorded.'}</p></div>` : null}
    ${span.parent_missing ? html`<p class="note">The parent of this span was not received.</p>` : null}
    ${line ? html`<${CostBox} line=${line} />` : null}
    ${isUnknown(span.duration_ns) ? null : html`<${Alike} key=${span.span_id} span=${span} trace=${trace} />`}
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
      <div><dt>Trace</dt><dd class="mono id">${trace.trace_id}</dd></div><div><dt>Span</dt><dd class="mono id">${span.span_id}</dd></div>
      ${(span.links ?? []).map((/** @type {any} */ one) => html`<div key=${one.span_id}><dt>Linked to</dt><dd class="mono"><a href=${link(`/traces/${one.trace_id}`, { sel: one.span_id }, ['tz'])}>${one.trace_id.slice(0, 12)}…</a></dd></div>`)}</dl>`;
}

/** Its place among the spans of its name and service, beside which its duration means something. @param {{span: any, trace: any}} props */
function Alike({ span, trace }) {
  const found = useLoad(`/api/v1/traces/${trace.trace_id}/spans/${span.span_id}/alike`).data;
  if (!found || isUnknown(found.faster)) return null;
  const slow = found.faster > 0.95;
  const share = Math.round(found.faster * 1000) / 10;
  return html`<p class="alike"><${Icon} name=${slow ? 'triangle' : 'clock'} /><span>${found.faster >= 0.5 ? `Slower than ${share}` : `Faster than ${Math.round((1 - found.faster) * 1000) / 10}`}\u202f% of ${whole(found.spans)} like it</span> <span class="quiet">median ${milliseconds(found.median_ms)}, p95 ${milliseconds(found.p95_ms)}</span></p>`;
}

/** @param {{line: any}} props a ledger line, with its parts where known */
export function CostBox({ line }) {
  const unknown = isUnknown(line.cost_usd);
  const book = bookOf(line);
  return html`<div class="cost-box"><table>
    ${line.parts?.length ? html`<thead class="hidden-text"><tr><th scope="col">Unit</th><th scope="col">Quantity</th><th scope="col">Rate</th><th scope="col">Cost</th></tr></thead>` : null}
    <tbody>${(line.parts?.length ? line.parts : []).map((/** @type {any} */ part) => html`<tr key=${part.unit}><td>${counted(part)[0]} <span class="quiet">${counted(part)[1]}</span></td><td class="num quiet" title=${isUnknown(part.rate) ? undefined : exactMoney(part.rate)}>${rateOf(part)}</td><td class="num" title=${exactMoney(part.cost)}><${Figure}>${money(part.cost)}<//></td></tr>`)}
      <tr class="cost-total"><th scope="row" colspan="2">Cost <${Chip} look=${priceLook(line.state)} plain=${true} /></th><td class="num" title=${exactMoney(line.cost_usd)}><${Figure}>${money(line.cost_usd)}<//></td></tr></tbody></table>
    ${line.state_reason || unknown ? html`<p class="quiet">${reasonOf(line.state_reason) || 'There is no price for this call.'}</p>` : null}
    ${line.parts?.length ? null : html`<p class="quiet">${[['in', line.input_tokens], ['out', line.output_tokens]].filter(([, n]) => !isUnknown(n)).map(([name, n]) => `${whole(/** @type {number} */ (n))} tokens ${name}`).join(' · ') || 'usage unknown'}</p>`}
    <p class="quiet">${[book && `price book ${book}`, line.usage_state && line.usage_state !== 'reported' ? `usage ${line.usage_state}` : '', line.service_tier, line.batch ? 'batch' : ''].filter(Boolean).join(' · ')}</p></div>`;
}

const FILTERABLE = /** @type {Record<string, string>} */ ({ 'service.name': 'service', 'gen_ai.request.model': 'model', 'gen_ai.response.model': 'model', 'gen_ai.operation.name': 'operation', 'gen_ai.provider.name': 'provider', 'user.id': 'user_id', 'session.id': 'session_id', 'spanledger.feature': 'feature', 'spanledger.user_tier': 'user_tier', 'spanledger.tenant': 'tenant', 'http.route': 'route' });

/** @param {{span: any}} props */
function Attributes({ span }) {
  const [wanted, setWanted] = useState('');
  const rows = [...Object.entries(span.attributes ?? {}), ...Object.entries(span.resource ?? {})];
  const shown = rows.filter(([key, value]) => `${key} ${spoken(value)}`.toLowerCase().includes(wanted.toLowerCase()));
  return html`<input class="filter-field" aria-label="Filter attributes" placeholder="Filter attributes" value=${wanted} onInput=${(/** @type {any} */ event) => setWanted(event.currentTarget.value)} />
    ${shown.length ? html`<dl class="facts long">${shown.map(([key, value], index) => html`<div key=${`${key} ${index}`}><dt>${key}</dt><dd class="mono">${Object.hasOwn(FILTERABLE, key) ? html`<a href=${link('/traces', { f: formatFilter({ key: FILTERABLE[key], op: ':', value: String(value), negated: false }) }, ['tz'])}>${spoken(value)}</a>` : spoken(value)}</dd></div>`)}</dl>` : html`<${Empty} title=${rows.length ? 'No attribute matches.' : 'This span has no attributes.'} />`}`;
}

/** @param {unknown} value */
const spoken = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? 'null');

/** @param {{span: any}} props */
function Events({ span }) {
  if (!span.events?.length) return html`<${Empty} title="This span has no events." />`;
  return html`<ol class="happenings">${span.events.map((/** @type {any} */ event, /** @type {number} */ index) => html`<li key=${index}><p><b>${event.name}</b><span class="quiet">${isUnknown(event.offset_ns) ? '' : `+${duration(event.offset_ns - span.start_offset_ns)}`}</span></p>
    ${Object.entries(event.attributes ?? {}).map(([key, value]) => html`<div key=${key} class="happening-attribute"><span class="quiet">${key}</span><pre>${spoken(value)}</pre></div>`)}</li>`)}</ol>`;
}

/** @param {{span: any, trace: any}} props */
function Logs({ span, trace }) {
  const start = instant(trace.start) ?? 0;
  const around = { from: new Date(start - 60_000).toISOString(), to: new Date(start + (trace.duration_ms ?? 0) + 60_000).toISOString() };
  const load = useLoad(`/api/v1/logs${spell(new URLSearchParams({ trace_id: trace.trace_id, ...around, limit: '200' }))}`, { subject: trace.trace_id });
  return html`<${Faces} load=${load} what="logs">${(/** @type {any} */ data) => {
    const mine = data.items.filter((/** @type {any} */ one) => one.span_id === span.span_id);
    const rows = mine.length ? mine : data.items;
    if (!rows.length) return html`<${Empty} title="No logs were received for this trace." />`;
    return html`<p class="quiet small">${mine.length ? `${whole(mine.length)} of this span, ${whole(data.items.length)} of the trace` : 'None of this span; these are of the trace'}</p><ol class="happenings">${rows.map((/** @type {any} */ one, /** @type {number} */ index) => html`<li key=${index}><p><b class=${Number(one.severity) >= 17 ? 'crit-text' : ''}>${one.severity_text ?? one.event_name ?? 'log'}</b><span class="quiet">${clock(instant(one.at), zone.value)} · ${one.service}</span></p><pre>${spoken(one.body)}</pre></li>`)}</ol>`;
  }}<//>`;
}
