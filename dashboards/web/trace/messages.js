// @ts-check
/** The messages of a model call, from the attributes that OpenTelemetry names for them. Never: HTML of a message; it is text. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Empty } from '../parts/card.js';

const LONG = 20;

/** @param {unknown} value @returns {any[]} */
function listOf(value) {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value) return [];
  try {
    const parsed = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [{ content: value }];
  } catch {
    return [{ content: value }];
  }
}

/** Role and text of each message. @param {any} span @returns {{role: string, text: string}[]} */
export function messagesOf(span) {
  const own = span.attributes ?? {};
  const told = [['gen_ai.system_instructions', 'system'], ['gen_ai.input.messages', 'user'], ['gen_ai.output.messages', 'assistant']];
  return told.flatMap(([key, role]) => listOf(own[key]).map((one) => ({ role: one.role ?? role, text: textOf(one) })));
}

/** @param {any} message */
function textOf(message) {
  if (typeof message === 'string') return message;
  const parts = message.parts ?? message.content ?? '';
  if (typeof parts === 'string') return parts;
  if (!Array.isArray(parts)) return JSON.stringify(parts, null, 2);
  return parts.map((part) => (typeof part === 'string' ? part : part.content ?? part.text ?? JSON.stringify(part, null, 2))).map((part) => (typeof part === 'string' ? part : JSON.stringify(part, null, 2))).join('\n');
}

/** @param {{messages: {role: string, text: string}[]}} props */
export function Messages({ messages }) {
  if (!messages.length) return html`<${Empty} title="Content was not recorded."><p class="quiet">Capturing is off unless the service asks for it with <code>capture_content=True</code>.</p><//>`;
  return html`<ol class="happenings">${messages.map((one, index) => html`<${Message} key=${index} ...${one} />`)}</ol>`;
}

/** @param {{role: string, text: string}} props */
function Message({ role, text }) {
  const [all, setAll] = useState(false);
  const lines = text.split('\n');
  const cut = !all && lines.length > LONG;
  return html`<li><p><b>${role}</b></p><pre>${cut ? lines.slice(0, LONG).join('\n') : text}</pre>${cut ? html`<button class="text-button" onClick=${() => setAll(true)}>Show all ${lines.length} lines</button>` : null}</li>`;
}
