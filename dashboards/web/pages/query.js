// @ts-check
/**
 * Query: ask in SQL what the pages do not answer. Reading only, within limits of rows and time.
 *
 * Given: the statement of the URL. Gives: rows as table, bars or lines, as CSV, kept under a name.
 * Never: a statement that is run because a link was opened; a link fills the editor, Run runs it.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { ApiError, request, useLoad } from '../api.js';
import { parseAsSent } from '../rows.js';
import { clock } from '../format.js';
import { params, rangeOr, setParams, zone } from '../url.js';
import { resolve } from '../time.js';
import { Card } from '../parts/card.js';
import { toast } from '../parts/toast.js';
import { Views } from './query-views.js';
import { Kept, Keep } from './query-kept.js';
import { Outcome } from './query-result.js';

export const title = 'Query';
export const styles = '/assets/pages/query.css';
export const range = 'now-24h';
const LIMITS = ['100', '1000', '10000'];
/** Seconds between two runs. @type {[string, string][]} */
const REPEATS = [['0', 'once'], ['10', 'every 10 s'], ['60', 'every minute'], ['300', 'every 5 min']];
const EXAMPLES = [
  ['What each model cost today', 'SELECT model, sum(cost_usd) AS cost, count(*) AS calls\nFROM ledger\nWHERE at >= current_date\nGROUP BY model\nORDER BY cost DESC'],
  ['The ten dearest calls of the range', 'SELECT at, service, model, user_id, cost_usd, trace_id\nFROM ledger\nWHERE at BETWEEN $from AND $to\nORDER BY cost_usd DESC NULLS LAST\nLIMIT 10'],
  ['Calls and failures by hour', "SELECT date_trunc('hour', at) AS hour, count(*) AS calls, count(error_type) AS failed\nFROM ledger\nWHERE at BETWEEN $from AND $to\nGROUP BY hour\nORDER BY hour"],
  ['Calls without a price', "SELECT provider, model, count(*) AS calls\nFROM ledger\nWHERE state = 'unpriced'\nGROUP BY ALL\nORDER BY calls DESC"],
  ['Who spends most', 'SELECT user_id, sum(cost_usd) AS cost, count(*) AS calls\nFROM ledger\nWHERE at BETWEEN $from AND $to\nGROUP BY user_id\nORDER BY cost DESC NULLS LAST\nLIMIT 20'],
  ['The slowest spans by name', 'SELECT name, service, count(*) AS spans, max(duration_ms) AS slowest_ms\nFROM spans\nWHERE start_time BETWEEN $from AND $to\nGROUP BY ALL\nORDER BY slowest_ms DESC\nLIMIT 20'],
];

/** @typedef {{columns: {name: string, type: string}[], rows: (string | boolean | null)[][], truncated: boolean, elapsed_ms: string}} Rows */
/** @typedef {{phase: 'idle' | 'busy' | 'done' | 'failed', rows?: Rows, error?: ApiError, sql?: string, params?: Record<string, string>, at?: number}} Run */

/** The range as parameters, for statements that name them. @param {string} sql */
function bound(sql) {
  const both = resolve(rangeOr(range), Date.now());
  const given = both ? { from: new Date(both.start).toISOString(), to: new Date(both.end).toISOString() } : {};
  return Object.fromEntries(Object.entries(given).filter(([name]) => new RegExp(`\\$${name}\\b`).test(sql)));
}

export function View() {
  const [sql, setSql] = useState(params.value.get('sql') ?? '');
  const [limit, setLimit] = useState('1000');
  const [repeat, setRepeat] = useState('0');
  const [run, setRun] = useState(/** @type {Run} */ ({ phase: 'idle' }));
  const under = useRef(/** @type {AbortController | null} */ (null));
  const editor = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const kept = useLoad('/api/v1/queries');
  useEffect(() => () => under.current?.abort(), []);
  useEffect(() => { const asked = params.value.get('sql'); if (asked !== null && asked !== sql) setSql(asked); }, [params.value.get('sql')]);

  const start = async (again = false) => {
    if (!sql.trim()) return editor.current?.focus();
    under.current?.abort();
    const abort = new AbortController();
    under.current = abort;
    if (!again) setParams({ sql }, { replace: params.value.get('sql') === null });
    setRun((old) => ({ ...old, phase: 'busy' }));
    const body = { sql, params: bound(sql), limit: Number(limit) };
    try {
      const rows = await request('/api/v1/query', { method: 'POST', body, signal: abort.signal, parse: parseAsSent });
      setRun({ phase: 'done', rows, sql, params: body.params, at: Date.now() });
    } catch (failure) {
      if (under.current !== abort) return;
      setRun(failure instanceof ApiError ? { phase: 'failed', error: failure } : { phase: 'idle' });
    }
  };
  const stop = () => { under.current?.abort(); setRepeat('0'); setRun((old) => ({ ...old, phase: old.rows ? 'done' : 'idle' })); };
  useEffect(() => { // what was run goes on, not what is being typed; a hidden page waits, a mistake ends it
    if (repeat === '0' || run.phase !== 'done' || run.sql !== sql) return undefined;
    const timer = setInterval(() => { if (!document.hidden) start(true); }, Number(repeat) * 1000);
    return () => clearInterval(timer);
  }, [repeat, run, sql, limit]);
  const insert = (/** @type {string} */ text) => {
    const field = /** @type {HTMLTextAreaElement} */ (editor.current);
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
    setSql(field.value);
    field.focus();
  };
  const use = (/** @type {string} */ text) => { setSql(text); setParams({ sql: text }); editor.current?.focus(); };
  return html`<div class="page query-page">
    <div class="query-side"><${Kept} load=${kept} use=${use} /><${Views} insert=${insert} /></div>
    <div class="query-main">
      <${Card} title="Statement" sub="one SELECT over the public views, read-only">
        <${Editor} field=${editor} sql=${sql} setSql=${setSql} start=${() => start()} stop=${stop} />
        <div class="query-tools">
          ${run.phase === 'busy' ? html`<button class="button" onClick=${stop}>Stop<kbd>Esc</kbd></button>` : html`<button class="button primary" onClick=${() => start()}><${Icon} name="play" />Run<kbd>Ctrl ↵</kbd></button>`}
          <label class="inline">Rows at most<select value=${limit} onChange=${(/** @type {any} */ event) => setLimit(event.target.value)}>${LIMITS.map((one) => html`<option value=${one}>${Number(one).toLocaleString('en')}</option>`)}</select></label>
          <label class="inline">Run<select value=${repeat} onChange=${(/** @type {any} */ event) => { setRepeat(event.target.value); if (event.target.value !== '0' && run.phase !== 'busy' && run.sql !== sql) start(); }}>${REPEATS.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select></label>
          <${Keep} sql=${sql} done=${() => { kept.reload(); toast('Kept'); }} />
          ${repeat !== '0' && run.at ? html`<span class="quiet small" role="timer">${run.phase === 'failed' ? 'repeating stopped' : `last run ${clock(run.at, zone.value)}`}</span>` : null}
          <span class="quiet small query-hint"><code>$from</code> and <code>$to</code> are the range above.</span>
        </div>
        ${run.phase === 'failed' ? html`<${Wrong} error=${/** @type {ApiError} */ (run.error)} />` : null}
      <//>
      ${run.rows ? html`<${Outcome} run=${run} limit=${Number(limit)} />` : run.phase === 'busy' ? html`<${Card} title="Result" busy=${true}><div class="face blank"></div><//>` : html`<${Examples} use=${use} />`}
    </div>
  </div>`;
}

/** @param {{field: any, sql: string, setSql: (text: string) => void, start: () => void, stop: () => void}} props */
function Editor({ field, sql, setSql, start, stop }) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); start(); }
    if (event.key === 'Escape') stop();
  };
  const lines = Math.min(24, Math.max(7, sql.split('\n').length + 1));
  return html`<textarea ref=${field} class="mono query-editor" aria-label="SQL statement" rows=${lines} value=${sql} onInput=${(/** @type {any} */ event) => setSql(event.target.value)} onKeyDown=${press} spellcheck=${false} autocapitalize="off" autocomplete="off" placeholder="SELECT …"></textarea>`;
}

/** @param {{error: ApiError}} props */
function Wrong({ error }) {
  return html`<div class="face failure query-wrong" role="alert"><${Icon} name="octagon" /><div><p><strong>${error.status === 408 ? 'It took too long.' : error.status === 403 ? 'Not allowed.' : 'This cannot be run.'}</strong> ${error.message}</p>
    ${error.problem.excerpt ? html`<pre class="mono" tabindex="0">${error.problem.excerpt}</pre>` : null}</div></div>`;
}

/** @param {{use: (sql: string) => void}} props */
function Examples({ use }) {
  return html`<${Card} title="Begin with one of these"><ul class="examples">${EXAMPLES.map(([name, sql]) => html`<li key=${name}><button class="example" onClick=${() => use(sql)}><b>${name}</b><code>${sql.replace(/\s+/g, ' ')}</code></button></li>`)}</ul><//>`;
}
