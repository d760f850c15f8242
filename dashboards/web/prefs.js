// @ts-check
/** Preferences of this browser: theme, density, time zone, tiles of Live, single-key shortcuts. Never: in the URL, never on the server. */
import { signal } from '@preact/signals';

/** @param {string} key @param {string} fallback */
export function read(key, fallback) {
  try {
    return localStorage.getItem(`spanledger.${key}`) ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {string} value */
export function write(key, value) {
  try {
    localStorage.setItem(`spanledger.${key}`, value);
  } catch {
    // Storage may be switched off; the choice then lasts as long as the tab.
  }
}

/** auto, light or dark. */
export const theme = signal(read('theme', 'auto'));
export const shortcuts = signal(read('shortcuts', 'on') === 'on');
/** roomy or dense. */
export const density = signal(read('density', 'roomy'));
/** The zone that times are shown in when the URL names none; empty: the browser's own. */
export const ownZone = signal(read('zone', ''));
/** The ids of the tiles on Live, parted by commas; empty: the usual six. */
export const chosenTiles = signal(read('tiles', ''));

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

/** @param {string} chosen */
export function setDensity(chosen) {
  density.value = chosen;
  write('density', chosen);
  if (chosen === 'dense') document.documentElement.dataset.density = 'dense';
  else delete document.documentElement.dataset.density;
}

/** @param {string} zone an IANA name, or nothing */
export function setOwnZone(zone) {
  ownZone.value = zone;
  write('zone', zone);
}

/** @param {string[]} ids */
export function setTiles(ids) {
  chosenTiles.value = ids.join(',');
  write('tiles', chosenTiles.value);
}
