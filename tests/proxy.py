"""A network between a client and a server that can be bad on purpose: cut, slow, or silent; knows bytes, no Bolt."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from synthgen.database import Address

Way = Literal["to", "from"]
"""To the server, or from it."""
PIECE = 16_384


class Proxy:
    """Passes bytes on between clients and one server.

    Attributes:
        port: Where clients find it, on 127.0.0.1.
        passed: How many bytes went each way so far.
        cuts: How many times all connections were cut.
        delay_s: Seconds that each piece of up to 16 KiB takes longer.
        bytes_per_s: The most bytes a second of each connection and way; 0 is no limit.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.passed: dict[Way, int] = {"to": 0, "from": 0}
        self.cuts = 0
        self.delay_s = 0.0
        self.bytes_per_s = 0.0
        self._guard = threading.RLock()
        self._cut_at: tuple[Way, int] | None = None
        self._silent_at: tuple[Way, int] | None = None
        self._silent = False
        self._refusing = False
        self._ended = False
        self._open: set[tuple[socket.socket, socket.socket]] = set()
        self._swallowed: set[tuple[socket.socket, socket.socket]] = set()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Cut every connection now; new ones are passed on."""
        with self._guard:
            self.cuts += 1
            for pair in list(self._open):
                self._close(pair)

    def cut_after(self, way: Way, count: int) -> None:
        """Cut every connection, once, when `count` more bytes have gone that way; not one byte more is passed on."""
        with self._guard:
            self._cut_at = (way, self.passed[way] + count)

    def refuse(self) -> None:
        """Cut every connection, and every new one at once, until `heal`."""
        with self._guard:
            self._refusing = True
            self.cut()

    def swallow(self) -> None:
        """Pass nothing on any more, without a word; connections stay open, and new ones are taken likewise."""
        with self._guard:
            self._silent = True
            self._swallowed |= self._open

    def swallow_after(self, way: Way, count: int) -> None:
        """Do as `swallow` when `count` more bytes have gone that way."""
        with self._guard:
            self._silent_at = (way, self.passed[way] + count)

    def heal(self) -> None:
        """Pass on whatever comes over new connections; those that were swallowed stay so."""
        with self._guard:
            self._cut_at = self._silent_at = None
            self._silent = self._refusing = False
            self.delay_s = self.bytes_per_s = 0.0

    def close(self) -> None:
        """End it, with every connection."""
        self._ended = True
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._ended:
                client, _ = self._listener.accept()
                with self._guard:
                    if self._refusing or self._ended:
                        client.close()
                        continue
                try:
                    server = socket.create_connection(self._server, timeout=10)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                pair = (client, server)
                with self._guard:
                    self._open.add(pair)
                    if self._silent:
                        self._swallowed.add(pair)
                for source, sink, way in ((client, server, "to"), (server, client, "from")):
                    threading.Thread(target=self._pump, args=(pair, source, sink, way), name="proxy",
                                     daemon=True).start()

    def _pump(self, pair: tuple[socket.socket, socket.socket], source: socket.socket, sink: socket.socket, way: Way,
              ) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                pause = self.delay_s + (len(data) / self.bytes_per_s if self.bytes_per_s else 0.0)
                if pause:
                    time.sleep(pause)
                rest, is_cut = self._weigh(pair, data, way)
                if rest:
                    sink.sendall(rest)
                if is_cut:
                    self.cut()
        with self._guard:
            if pair not in self._swallowed or self._ended:
                self._close(pair)

    def _weigh(self, pair: tuple[socket.socket, socket.socket], data: bytes, way: Way) -> tuple[bytes, bool]:
        """Give what is passed on of some bytes, and whether all is cut then."""
        with self._guard:
            if pair in self._swallowed:
                return b"", False
            is_cut = False
            if self._cut_at is not None and self._cut_at[0] == way and self.passed[way] + len(data) >= self._cut_at[1]:
                data, is_cut = data[:self._cut_at[1] - self.passed[way]], True
                self._cut_at = None
            if self._silent_at is not None and self._silent_at[0] == way \
                    and self.passed[way] + len(data) >= self._silent_at[1]:
                data = data[:self._silent_at[1] - self.passed[way]]
                self._silent_at = None
                self.swallow()
            self.passed[way] += len(data)
            return data, is_cut

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._open.discard(pair)
        self._swallowed.discard(pair)
        for each in pair:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextmanager
def proxy_to(address: Address) -> Iterator[tuple[Proxy, Address]]:
    """Run a proxy to a database's server; gives it with the address that goes through it."""
    found = urlsplit(address.uri)
    assert found.hostname
    assert found.port
    proxy = Proxy(found.hostname, found.port)
    try:
        yield proxy, replace(address, uri=f"bolt://127.0.0.1:{proxy.port}", home=None)
    finally:
        proxy.close()
