/** The chosen theme, set before the first paint so that nothing flashes. Never: a theme in the URL. */
(() => {
  try {
    const chosen = localStorage.getItem('spanledger.theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be switched off; the system's theme is used then.
  }
})();
