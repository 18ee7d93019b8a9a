"""The machinery of the Public API: what is the same for every operation, so that a slice holds only its own rules."""
