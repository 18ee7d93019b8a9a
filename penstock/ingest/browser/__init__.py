"""What browsers, phones and mail readers ask of the edge besides sending events: scripts, settings, pixels, metrics."""

from penstock.ingest.browser.routes import BrowserRoutes

__all__ = ["BrowserRoutes"]
