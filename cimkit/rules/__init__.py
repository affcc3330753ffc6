"""Is it allowed: rule packs, indicators and the check."""
