"""Instructions of a request: a cost beside its time that a busy machine does not change."""
