// @ts-check
/**
 * What the alerts come to, in a sentence. Pure.
 *
 * Given: alerts as the server tells them. Gives: the sentence, its tone. Never: "all clear" while something is not evaluated.
 */
import { plural, whole } from '../format.js';
import { SEVERE } from '../status.js';

/** The sentence above the list. @param {any[]} alerts those that are not resolved @param {{rules: number, blind: number} | null} watched @param {any} [counted] as the server counts them, where these are not all @returns {{text: string, tone: string, icon: string}} */
export function summary(alerts, watched, counted = null) {
  const firing = alerts.filter((one) => one.state !== 'pending');
  const open = firing.filter((one) => !one.acknowledged && !one.held_back);
  const needs = counted?.needs ?? open.length;
  const rest = [
    [counted?.acknowledged ?? firing.filter((one) => one.acknowledged).length, 'acknowledged'], [counted?.held_back ?? firing.filter((one) => !one.acknowledged && one.held_back).length, 'held back'], [counted?.pending ?? alerts.length - firing.length, 'pending'],
  ].filter(([n]) => n).map(([n, word]) => `${whole(n)} ${word}`);
  const blind = watched?.blind ? `${plural(watched.blind, 'rule')} cannot be evaluated` : '';
  const also = [...rest, blind].filter(Boolean).join(', ');
  const severe = counted ? counted.severe > 0 : open.some((one) => SEVERE.includes(one.severity));
  if (needs) return { text: `${plural(needs, 'alert')} ${needs === 1 ? 'needs' : 'need'} somebody${also ? `; ${also}` : ''}.`, tone: severe ? 'crit' : 'warn', icon: 'octagon' };
  if (also) return { text: `No alert needs anybody; ${also}.`, tone: blind ? 'unk' : 'info', icon: blind ? 'question' : 'clock' };
  if (!watched) return { text: 'No alert fires.', tone: 'unk', icon: 'question' };
  if (!watched.rules) return { text: 'No alert fires, and no rule is switched on.', tone: 'unk', icon: 'question' };
  return { text: `No alert fires; ${plural(watched.rules, 'rule')} watched.`, tone: 'ok', icon: 'tick' };
}
