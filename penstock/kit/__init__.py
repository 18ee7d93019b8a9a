"""Pure helpers: no I/O, and nothing of Penstock's own is imported here."""
