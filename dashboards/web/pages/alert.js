// @ts-check
/**
 * One alert: what happens, how much, since when, who has most of it, who was told, and what became of it.
 *
 * Given: its id. Gives: the story, the way to what is behind it, its timeline and messages, what one can do.
 * Never: a message shown as sent that no channel took.
 */
import { useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { refused, request, session, useAsking, useLoad } from '../api.js';
import { absolute, duration, instant, plural, shortDateTime } from '../format.js';
import { link, zone } from '../url.js';
import { labelsOf, lasted, measured, severityLook, stateLook } from '../alert/words.js';
import { Card, Empty, Faces } from '../parts/card.js';
import { Ago, Chip } from '../parts/chip.js';
import { NotAllowed } from '../parts/form.js';

export const title = 'Alert';
export const styles = '/assets/pages/alerts.css';

/** @param {{argument: string}} props */
export function View({ argument }) {
  const load = useLoad(`/api/v1/alerts/${argument}`, { every: 5000, subject: argument });
  const sent = useLoad(`/api/v1/notifications?alert_id=${argument}`, { every: 10_000, subject: argument });
  if (load.error?.status === 404 || load.error?.status === 400) return html`<${Card} title="No such alert"><${Empty} title="There is no alert under this id."><a class="button" href=${link('/alerts', {}, ['tz'])}>All alerts</a><//><//>`;
  return html`<div class="page alert-page"><p class="crumb"><a href=${link('/alerts', {}, ['tz'])}>Alerts</a></p>
    <${Faces} load=${load} what="this alert" boxed=${true}>${(/** @type {any} */ one) => html`
      <${Head} one=${one} reload=${load.reload} />
      <div class="alert-body"><div><${Story} one=${one} /><${History} one=${one} reload=${load.reload} /></div><div><${Useful} one=${one} reload=${load.reload} /><${Labels} one=${one} /><${Told} load=${sent} /></div></div>`}<//></div>`;
}

const ACKED = [['', 'until it ends'], ['1h', 'for 1 hour'], ['4h', 'for 4 hours'], ['1d', 'for a day']];

/** @param {string | undefined} length @returns {Record<string, string>} */
const until = (length) => (length ? { for: length } : {});

/** @param {{one: any, reload: () => void}} props */
function Head({ one, reload }) {
  const { wrong, ask } = useAsking();
  const admin = session.value?.role === 'admin';
  const open = one.state !== 'resolved';
  const fires = one.state === 'firing' || one.state === 'recovering';
  const act = async (/** @type {string} */ what, /** @type {Record<string, string>} */ body = {}) => {
    await ask(() => request(`/api/v1/alerts/${one.id}/${what}`, { method: 'POST', body }));
    reload();
  };
  const lasts = useRef(/** @type {HTMLSelectElement | null} */ (null));
  const began = instant(one.started_at);
  return html`<section class=${`sentence ${open ? severityLook(one.severity).tone : 'ok'}`} aria-label="This alert"><${Icon} name=${open ? severityLook(one.severity).icon : 'tick'} />
    <div class="sentence-text"><h2>${one.message}</h2><p>${[severityLook(one.severity).word, stateLook(one).word.toLowerCase(), measured(one)].filter(Boolean).join(' · ')} · since <${Ago} ms=${began} />${one.resolved_at ? html`, lasted ${lasted(began, instant(one.resolved_at))}` : null}${one.held_back ? ` · ${one.held_back.why}` : ''}</p>
      ${one.acknowledged ? html`<p>${one.acknowledged.by} takes care of it${one.acknowledged.until ? html` until ${shortDateTime(Number(instant(one.acknowledged.until)), zone.value)}` : null}.</p>` : null}
      ${wrong ? html`<p class="field-error" role="alert">${wrong}</p>` : null}<${NotAllowed} what="Acknowledging" /></div>
    <span class="alert-acts">
      ${fires ? html`<button class="button primary" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} onClick=${() => act(one.acknowledged ? 'unacknowledge' : 'acknowledge', one.acknowledged ? {} : until(lasts.current?.value))}>${one.acknowledged ? 'Undo ack' : 'Acknowledge'}</button>${one.acknowledged ? null : html`<select ref=${lasts} aria-label="Acknowledge for" disabled=${!admin}>${ACKED.map(([value, text]) => html`<option value=${value}>${text}</option>`)}</select>`}<a class="button" href=${link('/alerts/silences', { of: one.id }, ['tz'])}>Silence</a>` : null}
      ${open ? html`<button class="button" disabled=${!admin} onClick=${() => act('resolve')}>Resolve</button>` : null}</span></section>`;
}

/** Contributors by their dimension, in the order in which these come. @param {any[]} contributors @returns {[string, any[]][]} */
const grouped = (contributors) => [...new Set(contributors.map((one) => one.dimension))].map((dimension) => [dimension, contributors.filter((one) => one.dimension === dimension)]);

/** A moment on the reader's clock; all else as the server says it. @param {string} value */
const factText = (value) => (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? absolute(Number(instant(value)), zone.value) : value);

/** @param {{one: any}} props */
function Story({ one }) {
  const told = one.story ?? {};
  const runbook = one.runbook_url && /^https?:\/\//.test(one.runbook_url) ? one.runbook_url : null;
  return html`<${Card} title="What happens"><div class="story">
    ${told.text ? html`<p>${told.text}</p>` : one.annotations?.description ? html`<p>${one.annotations.description}</p>` : null}
    ${told.facts?.length ? html`<dl class="facts">${told.facts.map((/** @type {any} */ fact) => html`<div key=${fact.name}><dt>${fact.name}</dt><dd>${factText(fact.value)}</dd></div>`)}</dl>` : null}
    ${told.contributors?.length ? html`<dl class="contributors">${grouped(told.contributors).map(([dimension, each]) => html`<div key=${dimension}><dt>Most of it: ${dimension}</dt><dd>${each.map((one) => html`<span key=${one.name}><b>${one.name}</b> ${one.share}</span>`)}</dd></div>`)}</dl>` : null}
    <p class="story-links">${told.path && told.path !== '/alerts' ? html`<a class="button" href=${told.path}>See it at that time</a>` : null}
      ${(told.traces ?? []).slice(0, 5).map((/** @type {string} */ id) => html`<a class="button mono" key=${id} href=${link(`/traces/${id}`, {}, ['tz'])}>trace ${id.slice(0, 8)}</a>`)}
      ${runbook ? html`<a class="button" href=${runbook} target="_blank" rel="noreferrer noopener">Runbook</a>` : null}
      ${one.rule_id ? html`<a class="button" href=${link(`/alerts/rules/${one.rule_id}`, {}, ['tz'])}>Its rule</a>` : null}</p></div><//>`;
}

const HAPPENED = /** @type {Record<string, string>} */ ({
  pending: 'the condition began to hold', fired: 'fires', worse: 'became worse', recovering: 'recovers', resolved: 'resolved', acknowledged: 'acknowledged', unacknowledged: 'acknowledgement ended', note: 'note', refired: 'fires again', dropped: 'was over before it fired', flapping: 'flaps: told once', unflapping: 'holds still again',
});

/** @param {{one: any, reload: () => void}} props */
function History({ one, reload }) {
  const { wrong, ask } = useAsking();
  const admin = session.value?.role === 'admin';
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    ask(async () => {
      await request(`/api/v1/alerts/${one.id}/notes`, { method: 'POST', body: { note: String(new FormData(form).get('note')).trim() } });
      form.reset();
      reload();
    });
  };
  return html`<${Card} title="Timeline" sub=${plural(one.history.length, 'entry', 'entries')}><ol class="timeline">${[...one.history].reverse().map((each) => html`<li key=${each.number}><time class="mono quiet" datetime=${each.at} title=${each.at}>${absolute(Number(instant(each.at)), zone.value)}</time><div><b>${HAPPENED[each.kind] ?? each.kind}</b>${each.by ? html` by ${each.by}` : null}${each.why ? html` <span class="quiet">${each.why}</span>` : null}${each.note ? html`<p>${each.note}</p>` : null}</div></li>`)}</ol>
    ${admin ? html`<form class="note-form" onSubmit=${submit}><input name="note" required maxlength="2000" aria-label="Note" placeholder="What was found, what was done" autocomplete="off" /><button class="button" type="submit">Add note</button></form><p class="field-error" role="status">${wrong}</p>` : null}<//>`;
}

/** Whether somebody had to know it; a rule is judged by this. @param {{one: any, reload: () => void}} props */
function Useful({ one, reload }) {
  const [told, setTold] = useState(/** @type {{text: string, wrong: boolean, useful: boolean | null}} */ ({ text: '', wrong: false, useful: null }));
  const admin = session.value?.role === 'admin';
  const say = async (/** @type {boolean} */ useful) => {
    const failure = await refused(() => request(`/api/v1/alerts/${one.id}/feedback`, { method: 'POST', body: { useful } }));
    setTold(failure ? { text: failure.message, wrong: true, useful: null } : { text: 'Noted; your newest word counts.', wrong: false, useful });
    reload();
  };
  const { useful, not_useful: not } = one.feedback ?? { useful: 0, not_useful: 0 };
  const said = useful + not ? [useful ? `${useful} found it useful` : '', not ? `${not} did not` : ''].filter(Boolean).join(', ') : 'nobody has said so far';
  return html`<${Card} title="Was this useful?" sub=${said}><div class="useful"><button class="button" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} aria-pressed=${told.useful === true} onClick=${() => say(true)}>Yes, I had to know</button><button class="button" disabled=${!admin} title=${admin ? undefined : 'Needs the admin role'} aria-pressed=${told.useful === false} onClick=${() => say(false)}>No, noise</button>
    <p class=${told.wrong ? 'field-error' : 'quiet small'} role="status">${told.text}</p></div><//>`;
}

/** @param {{one: any}} props */
function Labels({ one }) {
  const all = labelsOf(one.labels);
  return html`<${Card} title="Labels">${all.length ? html`<dl class="pairs">${all.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="mono">${value}</dd></div>`)}</dl>` : html`<p class="face-note">None: the rule has one alert.</p>`}<//>`;
}

const SENT = /** @type {Record<string, [string, string]>} */ ({ delivered: ['tick', 'ok'], parked: ['octagon', 'crit'], dropped: ['dash', 'unk'], waiting: ['clock', 'info'], sending: ['clock', 'info'] });

/** @param {{load: import('../api.js').Load}} props */
function Told({ load }) {
  return html`<${Card} title="Who was told" busy=${load.busy}><${Faces} load=${load} what="messages">${(/** @type {any} */ data) => html`
    ${data.items.length ? html`<ul class="told">${data.items.map((/** @type {any} */ one) => { const [icon, tone] = SENT[one.state] ?? ['question', 'unk']; return html`<li key=${one.id}><span class=${`chip ${tone}`}><${Icon} name=${icon} />${one.state}</span><div><b>${one.channel.name}</b> <span class="quiet">${one.status}</span><p class="quiet small">${[one.reason, one.lag_seconds === null ? null : `after ${duration(one.lag_seconds * 1e9)}`].filter(Boolean).map((part) => `${part} · `).join('')}<${Ago} ms=${instant(one.made_at)} /></p></div></li>`; })}</ul>` : html`<p class="face-note">Nobody was told.</p>`}
    ${data.held?.length ? html`<ul class="told">${data.held.map((/** @type {any} */ one, /** @type {number} */ index) => html`<li key=${index}><span class="chip unk"><${Icon} name="silence" />held</span><div><b>${one.channel?.name ?? 'every channel'}</b><p class="quiet small">${one.detail ?? one.reason}${one.until ? ` until ${shortDateTime(Number(instant(one.until)), zone.value)}` : ''}</p></div></li>`)}</ul>` : null}`}<//><//>`;
}
