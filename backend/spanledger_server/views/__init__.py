"""Views of the pages that people keep under a name."""
