"""What spending will come to: pace from stored history, and what it means for a limit."""
