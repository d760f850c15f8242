// @ts-check
/** How well a name answers what was typed: letters that follow one another or begin words. Pure. Never: a match with a letter missing. */

/** null: no match; more is better. @param {string} wanted @param {string} name */
export function score(wanted, name) {
  const asked = wanted.toLowerCase().replace(/\s+/g, '');
  const text = name.toLowerCase();
  if (!asked) return 0;
  const whole = text.indexOf(wanted.toLowerCase().trim());
  if (whole >= 0) return 1000 - whole - text.length / 100 + (startsWord(text, whole) ? 500 : 0);
  let points = 0;
  let at = -1;
  for (const letter of asked) {
    const next = wordStart(text, letter, at + 1);
    if (next < 0) return null; // letters strewn over a long name are no match
    points += next === at + 1 ? 8 : 6;
    at = next;
  }
  return points - text.length / 100;
}

/** @param {string} text @param {number} at */
const startsWord = (text, at) => at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]);

/** Where the next word begins with this letter, unless the very next letter is it. @param {string} text @param {string} letter @param {number} from */
function wordStart(text, letter, from) {
  if (text[from] === letter) return from;
  for (let at = text.indexOf(letter, from); at >= 0; at = text.indexOf(letter, at + 1)) if (startsWord(text, at)) return at;
  return -1;
}

/** The best of them, best first; of equals the first. @template {{name: string, also?: string}} T @param {string} wanted @param {T[]} items @param {number} most @returns {T[]} */
export function best(wanted, items, most) {
  if (!wanted.trim()) return items.slice(0, most);
  return items.map((item) => ({ item, points: Math.max(score(wanted, item.name) ?? -Infinity, item.also ? (score(wanted, item.also) ?? -Infinity) - 50 : -Infinity) }))
    .filter((one) => one.points > -Infinity).sort((a, b) => b.points - a.points).slice(0, most).map((one) => one.item);
}
