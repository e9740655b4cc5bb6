"""Connections that break in the middle, between a real daemon and the client."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from conftest import SMALL, Place

import haystack
from haystack.models import RunSummary

# One event with an id, and what follows it, if only the beginning of it.
TRANSITION = re.compile(rb"id: [\d.]+\nevent: transition\ndata: [^\n]+\n\n.{2}", re.DOTALL)


class Breaking:
    """Passes on what daemon and client say, and breaks a connection where `cut` says so.

    `cut` gets a request and all of its answer so far, and gives where the answer is cut off: None, not yet.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.cut: Callable[[bytes, bytes], int | None] = lambda request, answer: None
        self.broken = 0
        self.requests: list[bytes] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._pass_on, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as daemon:
            request, answer = b"", b""

            def forth() -> None:
                nonlocal request, answer
                while received := _received(client):
                    if received.startswith(b"GET") or received.startswith(b"POST"):
                        self.requests.append(received)
                        request, answer = received, b""
                    daemon.sendall(received)
                _shut(daemon)

            going = threading.Thread(target=forth)
            going.start()
            while received := _received(daemon):
                passed = len(answer)
                answer += received
                end = self.cut(request, answer)
                client.sendall(answer[passed:end])
                if end is not None:
                    self.broken += 1
                    break
            _shut(client)
            _shut(daemon)
            going.join()

    def close(self) -> None:
        _shut(self._listening)
        self._listening.close()
        for thread in self._threads:
            thread.join()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@contextmanager
def breaking(place: Place) -> Iterator[tuple[Breaking, haystack.Haystack]]:
    network = Breaking(int(place.server.url.rsplit(":", 1)[1]))
    try:
        with haystack.connect(network.url, place.token) as server:
            yield network, server
    finally:
        network.close()


def test_a_stream_goes_on_after_the_last_event_that_was_seen(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.model("predict")
    with breaking(place) as (network, server):

        def cut(request: bytes, answer: bytes) -> int | None:
            if b"/events" not in request or network.broken == 3:
                return None
            seen = TRANSITION.search(answer)
            return None if seen is None else seen.end()

        network.cut = cut
        run = server.ask(cell_type="B cells", perturbation="IFN-beta", **SMALL)
    assert run.status == "completed" and network.broken == 3
    ids = [_header(request, b"last-event-id") for request in network.requests if b"/events" in request]
    assert ids[0] is None and all(id is not None for id in ids[1:]) and len(set(ids)) == len(ids)
    assert "the connection is lost, and is tried again" in capfd.readouterr().err


def test_a_download_goes_on_where_it_was_interrupted(place: Place, answered: haystack.Run, tmp_path) -> None:
    whole = answered.download(tmp_path / "whole")["anndata"].read_bytes()
    with breaking(place) as (network, server):

        def cut(request: bytes, answer: bytes) -> int | None:
            half = len(whole) // 2
            is_cut = b"_predictions.h5ad" in request and network.broken < 2 and len(answer) >= half
            return half if is_cut else None

        network.cut = cut
        files = server.run(answered.id).download(tmp_path / "broken")
    assert network.broken == 2 and files["anndata"].read_bytes() == whole
    ranges = [_header(request, b"range") for request in network.requests if b"_predictions.h5ad" in request]
    assert ranges[0] is None and ranges[1] is not None and int(ranges[1].removeprefix(b"bytes=")[:-1]) > len(whole) // 3
    assert sorted((tmp_path / "broken").iterdir()) == sorted(files.values())


def test_a_download_that_never_arrives_whole_leaves_nothing(place: Place, answered: haystack.Run, tmp_path) -> None:
    with breaking(place) as (network, server):
        network.cut = lambda request, answer: (
            5_000 if b"_predictions.h5ad" in request and len(answer) >= 5_000 else None
        )
        with pytest.raises(haystack.ServerUnreachable):
            server.run(answered.id).download(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_ends_while_a_run_is_followed_is_given_up_after_patience(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("haystack.events.PATIENCE", 0)
    place.model("hold")
    with breaking(place) as (network, server):
        run = server.submit(cell_type="B cells", perturbation="IFN-beta", **SMALL)

        def cut(request: bytes, answer: bytes) -> int | None:
            if b"/events" not in request:
                return None
            seen = TRANSITION.search(answer)
            return 0 if network.broken > 0 else None if seen is None else seen.end()

        network.cut = cut
        seen: list[RunSummary] = []
        monkeypatch.setattr("haystack.progress.Progress.show", lambda self, shown: seen.append(shown))
        with pytest.raises(haystack.ServerUnreachable):
            run.wait(progress=False)
        run.cancel()
    assert network.broken >= 1


def _header(request: bytes, name: bytes) -> bytes | None:
    for line in request.split(b"\r\n"):
        if line.lower().startswith(name + b":"):
            return line.split(b":", 1)[1].strip()
    return None
