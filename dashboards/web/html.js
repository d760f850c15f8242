// @ts-check
/** The one binding of htm to Preact. Never: markup from strings; text is always a child. */
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
