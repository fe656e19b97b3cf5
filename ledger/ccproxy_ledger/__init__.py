"""ccproxy ledger."""
