"""What spans and the ledger tell of audio: how good it was, how fast, what was wrong with it, and what it cost."""
