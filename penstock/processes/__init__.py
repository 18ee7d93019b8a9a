"""Composition roots: one module per process, which builds its planes from settings and runs them."""
