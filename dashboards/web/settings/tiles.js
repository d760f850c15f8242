// @ts-check
/** The tiles that Live can show, and which of them a browser chose. Pure. Never: a tile that nobody can draw. */

export const MOST = 6;
export const USUAL = ['calls', 'failed', 'p95', 'ttfc', 'tokens', 'spend'];
/** Shown beside the usual ones while there is audio that has the measure. @type {Record<string, string>} */
export const OF_AUDIO = { pesq: 'pesq', rtf: 'real_time_factor' };

/** What each says, for the choice. @type {Record<string, string>} */
export const TILES = {
  calls: 'Calls a second', failed: 'Failed calls', p95: 'Latency p95', ttfc: 'Time to first token', tokens: 'Tokens a second', spend: 'Spend today',
  budget: 'Budget left', cached: 'Cached input today', unpriced: 'Calls without a price', cpu: 'CPU', memory: 'Memory', queue: 'Queue', active: 'Requests under way', pool: 'Database connections', celery: 'Celery workers busy',
  pesq: 'PESQ of audio', rtf: 'Real-time factor of audio',
};

/** Those that the last minutes' audio adds to the usual ones. @param {string} text the choice @param {any} audio */
export const audioTiles = (text, audio) => (text || !audio ? [] : Object.keys(OF_AUDIO).filter((id) => audio[OF_AUDIO[id]].measured));

/** The ids of a choice as it was kept: known ones, each once, at most six; the usual ones where nothing is left. @param {string} text */
export function tilesOf(text) {
  const ids = [...new Set(text.split(','))].filter((id) => Object.hasOwn(TILES, id)).slice(0, MOST);
  return ids.length ? ids : USUAL;
}
