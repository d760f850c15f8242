// @ts-check
/** Where the period ends: spent so far, the band of what is ahead, the budget. Never: a figure from too little history. */
import { html } from '../html.js';
import { link, zone } from '../url.js';
import { bucketStart } from '../trend.js';
import { Card } from '../parts/card.js';
import { asStatus, forecastWords, wayOfCosts } from '../budget/ahead.js';
import { Course } from '../charts/course.js';

const ENDS = /** @type {Record<string, string>} */ ({ today: 'Where today ends', week: 'Where this week ends', month: 'Where this month ends', year: 'Where this year ends' });

/** @param {{data: any}} props */
export function Ahead({ data }) {
  if (!data) return html`<div class="card blank"></div>`;
  const title = ENDS[data.period] ?? 'Where it ends';
  const way = wayOfCosts(data, data.trend, (text) => bucketStart(text, data.timezone));
  const said = forecastWords(asStatus(data), zone.value) || 'No forecast yet.';
  const { budget } = data.projection;
  const budgets = link('/costs/budgets', {}, ['tz']);
  return html`<${Card} title=${title} sub=${budget ? html`budget <a href=${budgets}>${budget.name}</a>` : html`no budget for this · <a href=${budgets}>budgets</a>`} class="ahead-card"><p class="face-note">${said.replace(/\.?$/, '.')}</p>
    ${way ? html`<${Course} way=${way} title=${title} />` : null}<//>`;
}
