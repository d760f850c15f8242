"""What holds messages back on purpose: silences, maintenance windows, and alerts that make others needless."""
