"""analytics.js: the official standalone build, after lines that point it here, and the pieces that it loads later.

The files come with the package `@segment/analytics-next` (penstock/js/build.py). They are read when first asked for.
"""

import json
from functools import cached_property, lru_cache
from importlib.resources import files

from penstock.ingest.browser.documents import Body, Document
from penstock.ingest.browser.origin import Origin

STANDALONE = "standalone.js"
_ORIGINS = 16
"""How many addresses of this installation are remembered: whoever asks may name another."""
_TYPE = "text/javascript; charset=utf-8"
_SCRIPT_CACHE = "public, max-age=300"
_PIECE_CACHE = "public, max-age=31536000, immutable"
"""The names of pieces hold the hash of what is in them."""

# Without `_cdn` the library takes its base from a script address that begins with https:// only. An object in the place
# of an entry that the page has switched off would switch it on.
_PREAMBLE = """!function(base,protocol){var script=document.querySelector("script[data-global-segment-analytics-key]");
var name=script&&script.dataset.globalSegmentAnalyticsKey||"analytics",page=window[name]=window[name]||[];page._cdn=page._cdn||base;
if(protocol==="http"){var options=page._loadOptions=page._loadOptions||{},all=options.integrations=options.integrations||{},own=all["Segment.io"];if(own!==false&&!(all.All===false&&own===undefined))all["Segment.io"]=Object.assign({protocol:protocol},typeof own==="object"?own:{})}}"""  # noqa: E501


class Scripts:
    """The files of one build."""

    def __init__(self) -> None:
        self._folder = files("penstock") / "js" / "bundle" / "analytics"
        self.analytics = lru_cache(maxsize=_ORIGINS)(self._analytics)

    def _analytics(self, origin: Origin) -> Document | None:
        """None where the installation was not built."""
        if self._standalone is None:
            return None
        call = f"({json.dumps(origin.url)},{json.dumps(origin.scheme)});\n"
        return Document.beginning((_PREAMBLE + call).encode(), self._standalone, _TYPE, _SCRIPT_CACHE)

    @cached_property
    def _standalone(self) -> Body | None:
        file = self._folder / STANDALONE
        return Body.of(file.read_bytes()) if file.is_file() else None

    def piece(self, name: str) -> Document | None:
        """One of the files that the standalone build asks for by name; None where there is none."""
        return self._pieces.get(name)

    @cached_property
    def _pieces(self) -> dict[str, Document]:
        if not self._folder.is_dir():
            return {}
        found = [file for file in self._folder.iterdir() if file.name != STANDALONE]
        return {file.name: Document.of(file.read_bytes(), _TYPE, _PIECE_CACHE) for file in found}
