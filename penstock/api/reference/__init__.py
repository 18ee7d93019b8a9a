"""`/docs`: the OpenAPI document as a page for people, written here and not fetched from anywhere."""

from penstock.api.reference.routes import reference_routes

__all__ = ["reference_routes"]
