"""Our own OpenAPI document: what the operations declare, in the words that other tools read."""

from penstock.api.openapi.document import document_of
from penstock.api.openapi.routes import BuiltOnce, document_routes
from penstock.api.openapi.tags import tag_of

__all__ = ["BuiltOnce", "document_of", "document_routes", "tag_of"]
