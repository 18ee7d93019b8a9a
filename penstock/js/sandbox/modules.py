"""The modules that functions find as globals: files of text, given to a sandbox whose code names one of theirs."""

import re
from functools import cache

from penstock.js.deno import MODULES
from penstock.js.sandbox.protocol import Modules

FILES: dict[str, tuple[str, ...]] = {
    "core": ("_", "fetchretrylib", "jsonwebtoken", "libphonenumberjslib", "moment", "OAuth", "uuidv5", "xml", "xml2js"),
    "aws": ("AWS",),
    "aws4": ("aws4",),
    "azure": ("azure",),
    "clickhouse": ("clickHouseClient",),
    "cryptojs": ("cryptojslib",),
    "google": ("google",),
    "hubspot": ("hubspotlib",),
    "jsforce": ("jsforce",),
    "mailchimp": ("mailchimplib",),
    "mailjet": ("nodemailjet",),
    "onesignal": ("oneSignal",),
    "sendgrid": ("sendgrid",),
    "skyflow": ("skyflowlib",),
    "stripe": ("stripe",),
    "twilio": ("twilio",),
    "winston": ("winstonlib",),
}
"""Which globals each file makes; it is built of the entry of the same name in `packages/`."""
_FILE_OF = {name: file for file, names in FILES.items() for name in names}
_NAMED = re.compile(rf"(?<![\w$.])(?:{'|'.join(_FILE_OF)})(?![\w$])")


def modules_for(code: str) -> list[Modules]:
    """What makes those that the code names; none where it has no use for them, or where they were not built."""
    files = {_FILE_OF[name]: None for name in _NAMED.findall(code)}
    return [Modules(FILES[file], text) for file in files if (text := _text(file))]


@cache
def _text(file: str) -> str:
    path = MODULES / f"{file}.js"
    return path.read_text() if path.is_file() else ""
