// @ts-check
/** Two short tones when a new critical alert comes. Never: sounded unasked, twice within five seconds, or late, when the browser at last allows it. */

import { signal } from '@preact/signals';
import { read, write } from './prefs.js';

/** Whether this browser wants it. */
export const sound = signal(read('sound', 'off') === 'on');

/** @param {boolean} on */
export function setSound(on) {
  sound.value = on;
  write('sound', on ? 'on' : 'off');
}

const APART_MS = 5000;
const PATIENCE_MS = 500;

/** @type {AudioContext | null} */
let context = null;
let last = -Infinity;

/** For a new alert: where it is wanted, and not again at once. */
export async function alarm() {
  if (sound.value && performance.now() - last >= APART_MS && await chime()) last = performance.now();
}

/** Sounds, if the browser lets this page: it wants a press in the page first. @returns {Promise<boolean>} whether it did */
export async function chime() {
  context ??= new AudioContext();
  if (context.state !== 'running') await Promise.race([context.resume(), new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS); })]);
  if (context.state !== 'running') return false;
  [[880, 0], [660, 0.18]].forEach(([hertz, after]) => tone(/** @type {AudioContext} */ (context), hertz, after));
  return true;
}

/** @param {AudioContext} audio @param {number} hertz @param {number} after seconds from now */
function tone(audio, hertz, after) {
  const begin = audio.currentTime + after;
  const [voice, level] = [new OscillatorNode(audio, { frequency: hertz }), new GainNode(audio, { gain: 0 })];
  level.gain.setValueAtTime(0, begin);
  level.gain.linearRampToValueAtTime(0.15, begin + 0.02);
  level.gain.exponentialRampToValueAtTime(0.001, begin + 0.35);
  voice.connect(level).connect(audio.destination);
  voice.start(begin);
  voice.stop(begin + 0.4);
}
