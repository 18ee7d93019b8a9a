"""User JavaScript: what of it is a function, and how it runs."""
