"""Sending letters by SMTP: what is told to a person who has no token yet.

`smtp://` is encrypted as soon as the server offers it, and with credentials it must; `smtps://` is from the first byte.

Errors:
    MailError    the letter was not taken; the server's words
"""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import msgspec

_SECONDS = 20.0
_PORTS = {"smtp": 25, "smtps": 465}


class MailError(Exception):
    """A letter was not taken."""


class Letter(msgspec.Struct, frozen=True):
    """Plain text to one person."""

    recipient: str
    subject: str
    text: str


class Mailer:
    """Sends through the one server of `smtp://USER:PASSWORD@HOST:PORT`. Letters are from `sender`.

    `public_url` is where those who get them reach the installation.
    """

    def __init__(self, url: str, sender: str, public_url: str = "") -> None:
        self._url = urlsplit(url)
        self._sender = sender
        self.public_url = public_url

    async def send(self, letter: Letter) -> None:
        """Raises MailError."""
        try:
            await asyncio.to_thread(self._send, letter)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MailError(f"the letter to {letter.recipient} was not taken: {error}") from error

    def _send(self, letter: Letter) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, letter.recipient, letter.subject
        message.set_content(letter.text)
        with self._connected() as server:
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "", self._url.port or _PORTS[self._url.scheme]
        if self._url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(host, port, timeout=_SECONDS)
        try:
            self._introduce(server)
        except BaseException:
            server.close()
            raise
        return server

    def _introduce(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        is_encrypted = self._url.scheme == "smtps"
        if not is_encrypted and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            is_encrypted = True
        if self._url.username:
            if not is_encrypted:
                raise ValueError("the server offers no encryption, so it is not told the password")
            server.login(unquote(self._url.username), unquote(self._url.password or ""))
