// @ts-check
/** What a server found wrong with a form, beside the field it is about. Pure. Never: a mistake that is told nowhere. */

/** The mistakes that a server found, by field; under '' what belongs to none. @param {Record<string, any>} problem @param {string} message @param {(name: string) => boolean} known */
export function mistakesOf(problem, message, known) {
  const each = problem.errors ?? (problem.parameter ? [problem] : []);
  /** @type {Record<string, string>} */
  const found = {};
  for (const one of each) {
    const where = known(one.parameter) ? one.parameter : '';
    const said = String(one.allowed ?? message);
    found[where] = [found[where], `${said[0].toUpperCase()}${said.slice(1)}`].filter(Boolean).join('. ');
  }
  return each.length ? found : { '': message };
}
