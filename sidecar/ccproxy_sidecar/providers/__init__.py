"""One file per provider: where its paths are, how it wants its key, what it does differently (source and date)."""
