"""construct definitions of every message body: the one source of truth, host only."""
