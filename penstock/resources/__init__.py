"""The resources of the Public API: one slice per tag, entered by its front door alone."""
