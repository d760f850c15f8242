// @ts-check
/**
 * Views of this page that are kept under a name: opened, kept, changed, shared, taken along as a file, forgotten.
 *
 * Given: the page's address. Gives: the button with the name of the view in sight, and the list and form behind it.
 * Never: a view changed without a word, or what only says where somebody was (cursor, selection) kept in one.
 */
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { Icon } from '../icons.js';
import { refused, request, session } from '../api.js';
import { navigate, params, route } from '../url.js';
import { useDismiss } from './hooks.js';
import { Later, OVERLAYS } from './later.js';
import { addressOf, contentOf, sameContent } from './kept.js';

export function Views() {
  const [open, setOpen] = useState(false);
  const [views, setViews] = useState(/** @type {any[] | null} */ (null));
  const [failed, setFailed] = useState('');
  const ref = useDismiss(open, () => setOpen(false));
  const id = params.value.get('view');
  const again = async () => setFailed((await refused(async () => setViews((await request('/api/v1/views')).items)))?.message ?? '');
  useEffect(() => { if (open || id) again(); }, [open, id]);
  const here = (views ?? []).filter((one) => one.page === route.value.path);
  const current = here.find((one) => one.view_id === id) ?? null;
  const bare = current !== null && contentOf(params.value) === '' && current.query !== '';
  useEffect(() => { if (bare && current) navigate(addressOf(current, params.value.get('tz')), { replace: true }); }, [bare]);
  const changed = current !== null && !bare && !sameContent(current.query, params.value);
  return html`<div class="pop-host views-host" ref=${ref}>
    <button class="button" aria-expanded=${open} aria-haspopup="dialog" onClick=${() => setOpen(!open)}><${Icon} name="star" />${current ? html`<span class="view-name">${current.name}</span>${changed ? html`<span class="quiet">changed</span>` : null}` : 'Views'}</button>
    ${open ? html`<div class="pop views-pop" role="dialog" aria-label="Kept views"><${Later} styles=${OVERLAYS} load=${() => import('./views-list.js')} part="ViewsList" views=${here} failed=${failed} loaded=${views !== null} current=${current} changed=${changed} again=${again} admin=${session.value?.role === 'admin'} close=${() => setOpen(false)} /></div>` : null}</div>`;
}
