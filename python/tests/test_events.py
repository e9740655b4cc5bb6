"""How long a server that goes away while a run is followed is waited for."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

import haystack
from haystack import events
from haystack.connection import Connection
from haystack.models import RunSummary

PATIENCE = 0.5
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
NOTHING_FOLLOWS = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
RUN = {
    "run_id": "r1",
    "user_email": None,
    "query": "How would B cells respond to IFN-beta?",
    "status": "running",
    "current_phase": "inference",
    "current_iteration": 1,
    "grounding_scores": [],
    "final_score": None,
    "expected_accuracy": None,
    "termination_reason": None,
    "error_message": None,
    "created_at": "2026-01-01T00:00:00.000Z",
    "started_at": "2026-01-01T00:00:00.000Z",
    "updated_at": "2026-01-01T00:00:00.000Z",
    "completed_at": None,
}
NEWS = f"event: run\ndata: {json.dumps(RUN)}\n\n".encode()
SEEN = b'id: 1.0\nevent: transition\ndata: {"id": "1.0"}\n\n'


@contextmanager
def answering(connections: list[list[bytes]]) -> Iterator[str]:
    """A server that says these things to one connection after another, a while apart, and then to none."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for said in connections:
            try:
                connection, _ = listening.accept()
            except OSError:
                break
            with connection:
                connection.recv(65_536)
                for place, part in enumerate(said):
                    time.sleep(0.2 if place > 1 else 0)
                    connection.sendall(part)
        listening.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join()


HEARTBEATS = [b": heartbeat\n\n"] * 5


@pytest.mark.parametrize(
    ("connections", "lost"),
    [
        pytest.param([[STREAM, NEWS, *HEARTBEATS], [], [NOTHING_FOLLOWS]], 1, id="no id was seen"),
        pytest.param(
            [[STREAM, SEEN + NEWS], [STREAM, NEWS, *HEARTBEATS], [], [NOTHING_FOLLOWS]], 1, id="after a break"
        ),
        pytest.param([[STREAM, SEEN + NEWS, *HEARTBEATS], [], [NOTHING_FOLLOWS]], 1, id="an id was seen"),
        pytest.param(
            [[STREAM, NEWS, *HEARTBEATS], [], [STREAM, NEWS, *HEARTBEATS], [], [NOTHING_FOLLOWS]], 2, id="twice"
        ),
    ],
)
def test_patience_is_from_the_loss_and_not_from_the_last_news(
    monkeypatch: pytest.MonkeyPatch, connections: list[list[bytes]], lost: int
) -> None:
    monkeypatch.setattr(events, "PATIENCE", PATIENCE)
    seen: list[RunSummary] = []
    losses: list[None] = []
    with answering(connections) as url:
        events.follow(Connection(httpx.URL(url), None), "r1", seen.append, lambda: losses.append(None))
    assert [run.run_id for run in seen] == ["r1"] * sum(NEWS in b"".join(said) for said in connections)
    assert len(losses) == lost


def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PATIENCE", PATIENCE)
    with answering([[STREAM, NEWS, *HEARTBEATS]]) as url:
        began = time.monotonic()
        with pytest.raises(haystack.ServerUnreachable):
            events.follow(Connection(httpx.URL(url), None), "r1", lambda run: None)
    assert time.monotonic() - began > PATIENCE
