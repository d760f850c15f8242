"""Care of the store: backups, restoring, export, how large it is, and whether an outside watcher may sleep."""
