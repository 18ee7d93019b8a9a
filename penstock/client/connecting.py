"""A connection to an instance on this machine, whose certificate is known by its file and not by its name."""

import http.client
import ssl
from urllib.parse import urlsplit


def connection_to(url: str, certificate: str, timeout: float) -> http.client.HTTPConnection:
    """Not opened yet. Over https only the server that has `certificate` is spoken to."""
    address = urlsplit(url)
    host = address.hostname or "127.0.0.1"
    if address.scheme != "https":
        return http.client.HTTPConnection(host, address.port or 80, timeout=timeout)
    context = ssl.create_default_context(cafile=certificate)
    # The certificate is for the name that the world uses, which is another than this machine's own address.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return http.client.HTTPSConnection(host, address.port or 443, timeout=timeout, context=context)
