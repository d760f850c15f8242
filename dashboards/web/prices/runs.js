// @ts-check
/** Runs that price lines anew: how they stand, and how one begins. Never: a run that corrects unless it was asked to. */
import { request } from '../api.js';
import { setParams } from '../url.js';

/** @type {Record<string, import('../status.js').Look>} */
const STATES = {
  running: { icon: 'clock', word: 'Running', tone: 'info' }, done: { icon: 'tick', word: 'Done', tone: 'ok' }, cancelled: { icon: 'dash', word: 'Cancelled', tone: 'unk' },
  interrupted: { icon: 'triangle', word: 'Interrupted', tone: 'warn' }, failed: { icon: 'octagon', word: 'Failed', tone: 'crit' },
};

/** @param {string} state */
export const runLook = (state) => STATES[state] ?? STATES.failed;

/** Starts a run and shows it. @param {{from: string, to: string, filters: string[], prices?: string}} what @param {boolean} apply */
export async function begin(what, apply) {
  const run = await request('/api/v1/reprice', { method: 'POST', body: { ...what, apply } });
  setParams({ run: run.run, edit: null });
}
