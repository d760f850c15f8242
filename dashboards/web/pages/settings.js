// @ts-check
/** Me: how pages look in this browser, which tiles Live shows, the time zone, the session, and what I want to be told. Never: a control that does nothing. */
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { session, signOut } from '../api.js';
import { chosenTiles, density, ownZone, setDensity, setOwnZone, setShortcuts, setTheme, setTiles, shortcuts, theme } from '../prefs.js';
import { chime, setSound, sound } from '../chime.js';
import { absolute } from '../format.js';
import { now } from '../live.js';
import { browserZone, isZone, zone } from '../url.js';
import { keyList } from '../keys.js';
import { Card } from '../parts/card.js';
import { SettingPlaces } from '../parts/places.js';
import { toast } from '../parts/toast.js';
import { MAY } from '../settings/words.js';
import { MOST, TILES, USUAL, tilesOf } from '../settings/tiles.js';
import { Preferences } from './preferences.js';

export const title = 'Settings';
export const styles = '/assets/pages/alerts.css';

export function View() {
  const who = session.value;
  const leave = () => signOut().catch(() => toast('Signing out did not work; the server did not answer'));
  return html`<div class="page"><${SettingPlaces} />
    <div class="page settings-page">
    <${Card} title="Appearance" sub="of this browser"><div class="rows">
      <${Choice} name="theme" legend="Theme" chosen=${theme.value} options=${{ auto: 'Auto', light: 'Light', dark: 'Dark' }} choose=${setTheme} />
      <${Choice} name="density" legend="Density" chosen=${density.value} options=${{ roomy: 'Roomy', dense: 'Dense' }} choose=${setDensity} />
      <div class="setting"><span>Single-key shortcuts</span><span class="setting-side"><button class="button" onClick=${() => { keyList.value = true; }}>Show keys</button>
        <label class="switch"><input type="checkbox" role="switch" checked=${shortcuts.value} onChange=${(/** @type {any} */ event) => setShortcuts(event.currentTarget.checked)} aria-label="Single-key shortcuts" /><i></i></label></span></div>
      <${Sound} />
    </div><//>
    <${Card} title="Session"><dl class="facts">
      <div><dt>Signed in as</dt><dd>${who?.name || 'this browser'}</dd></div><div><dt>Role</dt><dd>${who?.role} <span class="quiet">${MAY[who?.role ?? ''] ?? ''}</span></dd></div>
    </dl><${Zone} /><div class="card-foot"><button class="button" onClick=${leave}>Sign out</button></div><//>
    <${Tiles} />
    <div class="wide"><${Preferences} /></div></div>
  </div>`;
}

/** @param {{name: string, legend: string, chosen: string, options: Record<string, string>, choose: (value: string) => void}} props */
function Choice({ name, legend, chosen, options, choose }) {
  return html`<fieldset class="setting"><legend>${legend}</legend><div class="segments">${Object.entries(options).map(([value, text]) => html`<label key=${value}><input type="radio" name=${name} value=${value} checked=${chosen === value} onChange=${() => choose(value)} /><span>${text}</span></label>`)}</div></fieldset>`;
}

/** Off until somebody wants it; heard at once, which is also the press that the browser asks for. */
function Sound() {
  const [silent, setSilent] = useState(false);
  const choose = async (/** @type {any} */ event) => {
    const on = event.currentTarget.checked;
    setSound(on);
    setSilent(on && !(await chime().catch(() => false)));
  };
  return html`<div class="setting"><span>Sound on a new critical alert<span class="quiet small setting-note">${silent ? 'This browser lets the page make no sound.' : 'While a page is open, also in a tab behind others; a browser that was started anew wants one press in the page first.'}</span></span>
    <span class="setting-side"><label class="switch"><input type="checkbox" role="switch" checked=${sound.value} onChange=${choose} aria-label="Sound on a new critical alert" /><i></i></label></span></div>`;
}

function Zone() {
  const [wrong, setWrong] = useState('');
  const chosen = (/** @type {any} */ event) => {
    const text = event.currentTarget.value.trim();
    if (text && !isZone(text)) return setWrong(`“${text}” is no time zone; such as Europe/Berlin, or UTC`);
    setWrong('');
    setOwnZone(text);
  };
  return html`<div class="setting zone-setting"><label for="own-zone">Times are shown in</label><span class="setting-side"><input id="own-zone" list="zones" autocomplete="off" spellcheck=${false} placeholder=${`${browserZone()}, the browser’s`} defaultValue=${ownZone.value} onChange=${chosen} aria-invalid=${Boolean(wrong)} aria-describedby="own-zone-help" /></span>
    <datalist id="zones">${['UTC', ...Intl.supportedValuesOf('timeZone')].map((one) => html`<option key=${one} value=${one}></option>`)}</datalist>
    <p class="small setting-help" id="own-zone-help">${wrong ? html`<span class="field-error" role="alert">${wrong}</span>` : html`<span class="quiet">Now it is ${absolute(now.value, zone.value)}. A link with <code>tz=</code> goes before this.</span>`}</p></div>`;
}

function Tiles() {
  const ids = tilesOf(chosenTiles.value);
  const toggle = (/** @type {string} */ id) => setTiles(ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]);
  const full = ids.length >= MOST;
  return html`<${Card} title="Tiles of Live" sub=${`${ids.length} of ${MOST}, in the order in which they were chosen`} class="wide" actions=${chosenTiles.value ? html`<button class="button" onClick=${() => setTiles([])}>The usual six</button>` : null}><div class="tile-choice">${Object.entries(TILES).map(([id, text]) => { const at = ids.indexOf(id); return html`<label class="facet" key=${id} title=${full && at < 0 ? `${MOST} are chosen: leave one out first` : undefined}><input type="checkbox" checked=${at >= 0} disabled=${(full && at < 0) || (ids.length === 1 && at >= 0)} onChange=${() => toggle(id)} /><span>${text}</span><em>${at >= 0 ? `key ${at + 1}` : USUAL.includes(id) ? 'usual' : ''}</em></label>`; })}</div><//>`;
}
