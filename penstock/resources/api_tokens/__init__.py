"""API tokens: what programs and people ask with. Our own, beside the contract, which leaves them to a web page."""

from penstock.resources.api_tokens.operations import create_token, delete_token, list_tokens

USES = ("iam_roles", "iam_users")
OPERATIONS = (list_tokens, create_token, delete_token)
__all__ = ["OPERATIONS", "USES"]
