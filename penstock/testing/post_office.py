"""An SMTP server for tests: takes every letter, or refuses every one, and keeps what it took."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message


class PostOffice:
    """`letters` are those that came. With `refuses` nobody is a recipient."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.letters: list[Message] = []
        self.url = ""
        self._refuses = refuses

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                self.letters.append(message_from_bytes(content.removesuffix(b".\r\n")))
            if word == b"QUIT":
                writer.write(b"221 good bye\r\n")
                break
            writer.write(b"550 nobody is here\r\n" if word == b"RCPT" and self._refuses else b"250 fine\r\n")
        writer.close()


@asynccontextmanager
async def post_office(*, refuses: bool = False) -> AsyncIterator[PostOffice]:
    office = PostOffice(refuses=refuses)
    server = await asyncio.start_server(office.serve, "127.0.0.1", 0)
    office.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield office
