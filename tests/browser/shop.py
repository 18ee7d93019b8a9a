"""A web site on another address than Penstock's, whose pages carry the snippet that users paste."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_SNIPPET = """
!function(){var a=window.analytics=window.analytics||[];if(a.initialize)return;a.invoked=true;
a.methods=["trackSubmit","trackClick","identify","reset","group","track","ready","alias","page","once","off","on","screen",
"addSourceMiddleware","setAnonymousId","user","debug","register"];
a.factory=function(e){return function(){if(window.analytics.initialized)return window.analytics[e].apply(window.analytics,arguments);
var t=Array.prototype.slice.call(arguments);t.unshift(e);a.push(t);return a}};
for(var i=0;i<a.methods.length;i++){var m=a.methods[i];a[m]=a.factory(m)}
a.load=function(k,e){var t=document.createElement("script");t.async=true;t.src="%(url)s/analytics.js/v1/"+k+"/analytics.min.js";
document.head.appendChild(t);a._loadOptions=e};a._writeKey="%(key)s";a.load("%(key)s");
window.sent=[];a.addSourceMiddleware(function(p){window.sent.push(p.payload.obj);p.next(p.payload)});
}();
"""
_PAGE = (
    "<!doctype html><html><head><title>%(title)s</title><script>%(snippet)s</script></head><body>%(body)s</body></html>"
)


@contextmanager
def open_shop(penstock_url: str, write_key: str, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """The address of the site; `/` has the snippet, `/tag` the script alone, `/plain` nothing, `/mail` a pixel.

    With a certificate and its key it speaks https: a browser then lets its pages ask nobody over plain http.
    """
    snippet = _SNIPPET % {"url": penstock_url, "key": write_key}
    pixel = f'<img id="pixel" src="{penstock_url}/v1/pixel/track?writeKey={write_key}&amp;anonymousId=amp-1&amp;event=Opened">'
    pages = {
        "/": _PAGE % {"title": "Shop", "snippet": snippet, "body": "shop"},
        "/plain": _PAGE % {"title": "Elsewhere", "snippet": "", "body": "elsewhere"},
        "/tag": f'<title>Tag</title><script src="{penstock_url}/analytics.js/v1/{write_key}/analytics.min.js" async></script>',
        "/mail": _PAGE % {"title": "Mail", "snippet": "", "body": pixel},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = pages.get(self.path.partition("?")[0], "").encode()
            self.send_response(200 if content else 204)
            self.send_header("content-type", "text/html; charset=utf-8")
            if content:
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
