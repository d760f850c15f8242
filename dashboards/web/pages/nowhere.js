// @ts-check
/** An address at which there is no page: which one, and where its words may lead. Never: a dead end. */
import { html } from '../html.js';
import { link, route } from '../url.js';
import { palette } from '../keys.js';
import { Empty } from '../parts/card.js';
import { PLACES } from '../palette/commands.js';
import { best } from '../palette/match.js';

export const title = 'Not found';
const MOST = 4;

export function View() {
  const path = route.value.path;
  const words = path.split(/[^a-z0-9]+/i).filter(Boolean).slice(0, 8);
  const places = PLACES.map(([to, name, , also]) => ({ to, name, also: `${also ?? ''} ${to}` }));
  const near = [...new Set(words.flatMap((word) => best(word, places, MOST)))].filter((place) => place.to !== '/').slice(0, MOST);
  return html`<div class="page"><section class="card"><${Empty} title="There is no page at this address."><p class="mono quiet">${path.length > 200 ? `${path.slice(0, 200)} …` : path}</p>
    <p class="bar"><a class="button primary" href=${link('/', {}, ['tz'])}>Go to Live</a>${near.map((place) => html`<a class="button" key=${place.to} href=${link(place.to, {}, ['tz'])}>${place.name}</a>`)}<button class="button" onClick=${() => { palette.value = true; }}>Search all pages</button></p><//></section></div>`;
}
