// @ts-check
/** What a rule of each kind says of its own, as fields; and what the fields say, as the API has it. Never: a field of another kind sent along. */
import { html } from '../html.js';
import { useLoad } from '../api.js';

/** @type {Record<string, {word: string, help: string, fields: string[]}>} */
export const KINDS = {
  threshold: { word: 'Condition', help: 'A figure compared with a limit', fields: ['condition'] },
  ratio: { word: 'Share of two metrics', help: 'One metric divided by another', fields: ['metric', 'divided_by', 'operator', 'threshold', 'window'] },
  change: { word: 'Change', help: 'A metric beside itself before', fields: ['metric', 'change_in', 'against', 'operator', 'threshold', 'window'] },
  absence: { word: 'Nothing heard', help: 'No telemetry, or none of a metric', fields: ['metric?', 'window'] },
  anomaly: { word: 'Unusual', help: 'Far from what is usual at that time of the week', fields: ['metric', 'deviations', 'direction', 'window'] },
  budget: { word: 'Budget spent', help: 'A share of a budget of money is spent', fields: ['budget', 'percent'] },
  forecast: { word: 'Budget forecast', help: 'A budget will probably be exceeded', fields: ['budget', 'chance'] },
  burn_rate: { word: 'Error budget burns', help: 'An objective’s error budget is spent too fast', fields: ['slo', 'burn'] },
  composite: { word: 'Of other rules', help: 'Rules by name with and, or, not', fields: ['expression'] },
};
const CHOICES = /** @type {Record<string, [string, string, [string, string][]]>} */ ({
  operator: ['Compared', '>', [['>', 'above'], ['>=', 'at or above'], ['<', 'below'], ['<=', 'at or below'], ['==', 'equal to'], ['!=', 'not']]],
  change_in: ['Change in', 'percent', [['percent', 'percent'], ['absolute', 'the metric’s unit']]],
  against: ['Beside', 'before', [['before', 'the window before'], ['day', 'the same time yesterday'], ['week', 'the same time a week ago']]],
  direction: ['Direction', 'both', [['both', 'up or down'], ['up', 'up only'], ['down', 'down only']]],
  burn: ['How fast', 'any', [['any', 'either pair of windows'], ['page', 'fast: wake somebody'], ['ticket', 'slowly: a ticket']]],
});
const NUMBERS = /** @type {Record<string, [string, string, string, string]>} */ ({
  threshold: ['Limit', 'threshold', '', 'in the unit of what is measured; percent for a change in percent'],
  deviations: ['Deviations', 'threshold', '4', 'how far from usual: 4 is rare, 6 is very rare'],
  percent: ['Percent spent', 'threshold', '80', 'of the limit'],
  chance: ['Probability', 'threshold', '0.8', '0 to 1'],
  window: ['Over the last (min)', 'window_seconds', '', 'empty: as usual for the metric'],
});

/** @param {{kind: string, rule: any, plain: string}} props plain: the condition of the rule as text */
export function KindFields({ kind, rule, plain }) {
  const budgets = useLoad(kind === 'budget' || kind === 'forecast' ? '/api/v1/budgets' : null);
  const slos = useLoad(kind === 'burn_rate' ? '/api/v1/slos' : null);
  const same = rule?.kind === kind ? rule : null;
  return KINDS[kind].fields.map((field) => {
    if (field === 'condition') return html`<label class="wide" key=${field}>Condition<input class="mono" name="condition" list="rule-metrics" required=${!same} autocomplete="off" spellcheck=${false} placeholder="p95_latency > 2000" defaultValue=${plain} aria-describedby="rule-condition-help" /></label>
      <p class="quiet small wide" id="rule-condition-help">A metric, a comparison, a number in the metric's unit: <code>error_rate > 0.05</code>, <code>hourly_cost >= 20</code>${same && !plain ? html`. Left empty, it stays as it is` : null}.</p>`;
    if (field === 'metric' || field === 'metric?' || field === 'divided_by') return html`<label key=${field}>${field === 'divided_by' ? 'Divided by' : field === 'metric?' ? 'Metric (empty: any telemetry)' : 'Metric'}<input class="mono" name=${field.replace('?', '')} list="rule-names" required=${!field.endsWith('?')} autocomplete="off" spellcheck=${false} defaultValue=${same?.[field.replace('?', '')] ?? ''} /></label>`;
    if (field === 'expression') return html`<label class="wide" key=${field}>Rules by name<input class="mono" name="expression" required autocomplete="off" spellcheck=${false} placeholder=${'"High Latency" and not "No telemetry"'} defaultValue=${same?.expression ?? ''} /></label>`;
    if (field === 'budget' || field === 'slo') {
      const items = field === 'budget' ? budgets.data?.items ?? [] : slos.data?.slos ?? [];
      return html`<label key=${field}>${field === 'budget' ? 'Budget' : 'Objective'}<select name=${field}><option value="">each of them</option>${items.map((/** @type {any} */ one) => html`<option key=${one.id} value=${one.id} selected=${same?.[field] === one.id || same?.[field] === one.name}>${one.display_name ?? one.name}</option>`)}</select></label>`;
    }
    const choice = CHOICES[field];
    if (choice) return html`<label key=${field}>${choice[0]}<select name=${field}>${choice[2].map(([value, text]) => html`<option value=${value} selected=${(same?.[field] ?? choice[1]) === value}>${text}</option>`)}</select></label>`;
    const [label, key, usual, help] = NUMBERS[field];
    const value = same ? same[key] ?? '' : usual;
    return html`<label key=${field} title=${help}>${label}<input name=${field} inputmode="decimal" autocomplete="off" placeholder=${help} defaultValue=${key === 'window_seconds' && value ? Number(value) / 60 : String(value)} /></label>`;
  });
}

/** What the fields of a kind say. @param {string} kind @param {(name: string) => string} text @returns {Record<string, any>} */
export function kindBody(kind, text) {
  if (kind === 'threshold') return text('condition') ? { kind, condition: text('condition') } : {};
  const given = KINDS[kind].fields.map((field) => field.replace('?', '')).map((field) => {
    const key = NUMBERS[field]?.[1] ?? field;
    const said = text(field);
    if (key === 'window_seconds') return [key, said === '' ? null : Number.isNaN(Number(said)) ? said : Math.round(Number(said) * 60)];
    if (key === 'threshold') return [key, said === '' || Number.isNaN(Number(said)) ? said : Number(said)];
    return [key, said || null];
  });
  return { kind, ...Object.fromEntries(given) };
}
