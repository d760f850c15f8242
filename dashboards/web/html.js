// @ts-check
/** The one binding of htm to Preact. Never: markup from strings, or a name that turns its line. */
import { h } from 'preact';
import htm from 'htm';

/** @param {any} one */
const still = (one) => (typeof one === 'string' ? one.replace(/[\u202a-\u202e\u2066-\u2069]/g, '\ufffd') : one);
export const html = htm.bind((...all) => h.apply(null, all.map(still)));
