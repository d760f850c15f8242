/** The chosen theme and density, set before the first paint so that nothing flashes. Never: either in the URL. */
(() => {
  try {
    const chosen = localStorage.getItem('spanledger.theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
    if (localStorage.getItem('spanledger.density') === 'dense') document.documentElement.dataset.density = 'dense';
  } catch {
    // Storage may be switched off; the system's theme is used then.
  }
})();
