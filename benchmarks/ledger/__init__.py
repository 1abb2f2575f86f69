"""What the ledger costs, beside a counter that every event waits for. See ``__main__``."""
