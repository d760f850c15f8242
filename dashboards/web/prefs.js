// @ts-check
/** Preferences of this browser: theme and single-key shortcuts. Never: in the URL, never on the server. */
import { signal } from '@preact/signals';

/** @param {string} key @param {string} fallback */
function read(key, fallback) {
  try {
    return localStorage.getItem(`spanledger.${key}`) ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {string} value */
function write(key, value) {
  try {
    localStorage.setItem(`spanledger.${key}`, value);
  } catch {
    // Storage may be switched off; the choice then lasts as long as the tab.
  }
}

/** auto, light or dark. */
export const theme = signal(read('theme', 'auto'));
export const shortcuts = signal(read('shortcuts', 'on') === 'on');

/** @param {string} chosen */
export function setTheme(chosen) {
  theme.value = chosen;
  write('theme', chosen);
  if (chosen === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** @param {boolean} on */
export function setShortcuts(on) {
  shortcuts.value = on;
  write('shortcuts', on ? 'on' : 'off');
}
