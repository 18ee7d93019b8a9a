import asyncio
import contextlib
import socket
import ssl

import pytest

from penstock.kit.ports import free_port
from penstock.kit.settings import Settings, SettingsError
from penstock.processes.public_port import Listening, address_of, listening_of
from penstock.processes.rsgi_server import RsgiServer, listening_socket
from penstock.processes.silent_connections import close_silent_connections
from penstock.testing.certificates import self_signed


async def answer(_scope, exchange) -> None:
    await exchange()
    exchange.response_bytes(200, [], b"ok")


async def connections_of(port, trusted):
    """One that never says a word after its handshake, and one that talks."""
    silent = await asyncio.open_connection("127.0.0.1", port, ssl=trusted, server_hostname="localhost")
    talking = await asyncio.open_connection("127.0.0.1", port, ssl=trusted, server_hostname="localhost")
    return silent, talking


class TestSilence:
    async def test_who_says_nothing_over_tls_is_closed_and_who_talks_is_not(self, tmp_path):
        certificate, key = self_signed(tmp_path)
        port = free_port()
        server = RsgiServer(answer, Listening("127.0.0.1", port, certificate=str(certificate), key=str(key)))
        trusted = ssl.create_default_context(cafile=str(certificate))
        (silent, unused), (reader, writer) = await connections_of(port, trusted)
        closing = asyncio.create_task(close_silent_connections(port, 1.0))
        async with asyncio.timeout(60):
            while not silent.at_eof():
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readuntil(b"ok")
                try:
                    await asyncio.wait_for(silent.read(1), 0.1)
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        closing.cancel()
        for each in (unused, writer):
            each.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await each.wait_closed()
        await server.stop(5)

    async def test_nothing_is_closed_while_somebody_waits_for_an_answer(self):
        listening = listening_socket("127.0.0.1", 0)
        port = listening.getsockname()[1]
        looked = asyncio.Event()

        def busy() -> bool:
            looked.set()
            return True

        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = await asyncio.get_running_loop().sock_accept(listening)
            closing = asyncio.create_task(close_silent_connections(port, 0.05, unless=busy))
            async with asyncio.timeout(30):
                await looked.wait()
                await asyncio.sleep(0.1)
            client.sendall(b"still here")
            assert served.recv(10) == b"still here"
            closing.cancel()
            served.close()
        listening.close()


class TestCertificate:
    def test_a_good_pair_makes_the_address_https(self, tmp_path):
        certificate, key = self_signed(tmp_path)
        settings = Settings(tls_cert=str(certificate), tls_key=str(key), port=8443)
        assert listening_of(settings).certificate == str(certificate)
        assert address_of(settings) == "https://127.0.0.1:8443"

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"tls_cert": "absent.pem"}, "tls_cert"),
            ({"tls_key": ""}, "tls_key"),
            ({"tls_cert": ""}, "tls_cert"),
            ({"tls_key": "absent.key"}, "tls_key"),
            ({"tls_key": "{certificate}"}, "tls_cert"),
        ],
    )
    def test_what_cannot_be_used_is_refused_by_name(self, tmp_path, changes, name):
        certificate, key = self_signed(tmp_path)
        given = {"tls_cert": str(certificate), "tls_key": str(key)} | changes
        given = {field: value.format(certificate=certificate) for field, value in given.items()}
        with pytest.raises(SettingsError) as refused:
            listening_of(Settings(**given))
        assert refused.value.name == name
