// @ts-check
/** One short message at the foot of the page, spoken politely. Never: two at once. */
import { signal } from '@preact/signals';
import { html } from '../html.js';

const message = signal('');
let timer = 0;

/** @param {string} text */
export function toast(text) {
  message.value = text;
  clearTimeout(timer);
  timer = window.setTimeout(() => { message.value = ''; }, 3000);
}

export function Toasts() {
  return html`<div class=${`toast${message.value ? ' shown' : ''}`} role="status">${message.value}</div>`;
}
