// @ts-check
/** A list that grows when asked to: what was fetched behind its first page. Never: rows of another question than the address asks. */
import { useState } from 'preact/hooks';
import { request } from '../api.js';

const NONE = { url: '', items: /** @type {any[]} */ ([]), cursor: /** @type {string | null} */ (null), busy: false };

/**
 * @param {string | null} url of the first page
 * @param {import('../api.js').Load} load the first page
 * @param {(cursor: string) => string} next where the page behind a cursor is
 * @returns {{extra: any[], cursor: string | null, busy: boolean, fetch: () => Promise<void>, reload: () => void}}
 */
export function useMore(url, load, next) {
  const [more, setMore] = useState(NONE);
  const asked = String(url);
  const extra = more.url === asked ? more.items : [];
  const cursor = extra.length ? more.cursor : load.data?.next_cursor ?? null;
  const fetch = async () => {
    setMore({ url: asked, items: extra, cursor, busy: true });
    try {
      const page = await request(next(String(cursor)));
      setMore({ url: asked, items: [...extra, ...page.items], cursor: page.next_cursor, busy: false });
    } catch {
      setMore({ url: asked, items: extra, cursor, busy: false });
      load.reload();
    }
  };
  const reload = () => { setMore(NONE); load.reload(); };
  return { extra, cursor, busy: more.busy, fetch, reload };
}
