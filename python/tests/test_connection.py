"""What becomes of a connection: answers that may pass, servers that are none, and the token."""

from __future__ import annotations

import logging
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import haystack
from haystack import connection as connections

TOKEN = "hs_thisIsTheSecretOfTheTests"
SESSION = b'{"owner":"ada@example.org","role":"user","software":{"name":"haystack","version":"9"},"new":[1]}'
CHECK = (
    b'{"answerable":true,"did_you_mean":[],"read_by":"rules","read_in_run_by":"rules","structured_query":null,'
    b'"control_strategy_effective":null,"control_cells_available":null,"prompt":null,"problem":null}'
)


class Request:
    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = handler.rfile.read(int(self.headers.get("content-length", "0")))


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def scripted(answer: Callable[[Request, int], Answer]) -> Iterator[tuple[str, list[Request]]]:
    """A server that answers as told; `answer` gets the request and how many came before it."""
    seen: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(self)
            seen.append(request)
            status, headers, body = answer(request, len(seen) - 1)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def error(code: str, message: str, more: bytes = b"") -> bytes:
    return b'{"error":"%s","error_type":"upstream","message":"%s"%s}' % (code.encode(), message.encode(), more)


@pytest.fixture(autouse=True)
def _no_server_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAYSTACK_SERVER", raising=False)
    monkeypatch.delenv("HAYSTACK_TOKEN", raising=False)


def test_what_may_pass_is_asked_again_and_a_submission_keeps_its_key() -> None:
    def answer(request: Request, before: int) -> Answer:
        if request.path == "/base/api/v1/session":
            return (200, {}, SESSION) if before > 0 else (503, {}, error("NOT_READY", "Not yet."))
        if request.path == "/base/api/v1/questions/check":
            return 200, {}, CHECK
        return (
            429,
            {"Retry-After": "0"},
            error("QUOTA_REACHED", "Enough for today.", b',"details":{"limit":3},"run_id":"r"'),
        )

    with scripted(answer) as (url, seen), haystack.connect(f"{url}/base/", TOKEN) as server:
        assert server.url == f"{url}/base"
        with pytest.raises(haystack.LimitReached) as reached:
            server.submit("How?", max_iterations=2)
    told = reached.value
    assert (told.code, told.message, told.retryable) == ("QUOTA_REACHED", "Enough for today.", True)
    assert (told.details, told.run_id) == ({"limit": 3}, "r")
    submissions = [request for request in seen if request.path.endswith("/runs")]
    assert len(submissions) == connections.ATTEMPTS
    assert len({request.headers["idempotency-key"] for request in submissions}) == 1
    assert submissions[0].body == b'{"query":"How?","config":{"max_iterations":2}}'
    assert {request.headers["authorization"] for request in seen} == {f"Bearer {TOKEN}"}


def test_a_server_may_ask_for_a_longer_pause_within_reason() -> None:
    unready = haystack.ServerUnreachable("SERVER_UNREACHABLE", "No.")
    assert connections.backoff(1, connections.Passing(unready, 7)) == 7
    assert connections.backoff(1, connections.Passing(unready, 3600)) == connections.LONGEST_WAIT
    assert 0.18 < connections.backoff(1, connections.Passing(unready)) < 0.32
    assert connections.backoff(2000, None) <= connections.LONGEST_BACKOFF * 1.25


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "code", "words"),
    [
        (401, {}, error("UNAUTHENTICATED", "Sign in."), haystack.SignInRefused, "UNAUTHENTICATED", "Sign in."),
        (
            404,
            {},
            b"<html>nginx</html>",
            haystack.ServerNotUnderstood,
            "SERVER_NOT_UNDERSTOOD",
            "is not a HAYSTACK server",
        ),
        (
            200,
            {},
            b"<html>Welcome</html>",
            haystack.ServerNotUnderstood,
            "SERVER_NOT_UNDERSTOOD",
            "does not understand",
        ),
        (
            200,
            {"Content-Encoding": "gzip"},
            b"no gzip",
            haystack.ServerNotUnderstood,
            "SERVER_NOT_UNDERSTOOD",
            "does not understand",
        ),
        (418, {}, error("OF_A_LATER_RELEASE", "Tea."), haystack.ServerNotUnderstood, "SERVER_NOT_UNDERSTOOD", "Tea."),
        (
            302,
            {"Location": "https://login.example.org/x?y"},
            b"",
            haystack.ServerNotUnderstood,
            "SERVER_NOT_UNDERSTOOD",
            "redirects to https://login.example.org;",
        ),
        (
            502,
            {"Retry-After": "0"},
            b"bad gateway",
            haystack.ServerUnreachable,
            "SERVER_UNREACHABLE",
            "no daemon behind it",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    status: int, headers: dict[str, str], body: bytes, kind: type[haystack.HaystackError], code: str, words: str
) -> None:
    with (
        scripted(lambda request, before: (status, headers, body)) as (url, _),
        pytest.raises(kind, match=words) as told,
    ):
        haystack.connect(url, TOKEN)
    assert told.value.code == code
    copy = pickle.loads(pickle.dumps(told.value))
    assert (type(copy), copy.code, copy.message) == (kind, code, told.value.message)


def test_a_server_that_is_not_there_is_said_to_be_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(haystack.ServerUnreachable, match="cannot be reached") as told:
            haystack.connect(url)
    assert told.value.retryable


def test_the_token_stands_in_no_text_no_log_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []

    def refused(url: str, token: str) -> None:
        try:
            haystack.connect(url, token)
        except haystack.HaystackError as thrown:
            shown = traceback.TracebackException.from_exception(thrown, capture_locals=True)
            # This frame is the caller's own, who has the token.
            shown.stack.pop(0)
            texts.append("".join(shown.format()))
            texts.append(repr(thrown) + str(thrown))

    with scripted(lambda request, before: (401, {}, error("UNAUTHENTICATED", "Sign in."))) as (url, seen):
        refused(url, TOKEN)
    with scripted(lambda request, before: (200, {"Content-Encoding": "gzip"}, b"no gzip")) as (garbled, _):
        refused(garbled, TOKEN)
    refused(url, TOKEN)
    refused("http://haystack.example.org", TOKEN)
    with scripted(lambda request, before: (200, {}, SESSION)) as (url, _), haystack.connect(url, TOKEN) as server:
        texts.append(repr(server) + repr(server._connection) + repr(vars(server._connection)))
    assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert len(texts) == 9 and "with a token" in texts[-1]
    for text in [*texts, caplog.text]:
        assert TOKEN not in text


def test_a_link_to_a_file_that_is_refused_is_no_fault_of_the_server() -> None:
    with (
        scripted(lambda request, before: (200, {}, SESSION)) as (url, _),
        scripted(lambda request, before: (403, {}, b"<Error>ExpiredToken</Error>")) as (bucket, _),
        haystack.connect(url, TOKEN) as server,
        pytest.raises(haystack.ServerNotUnderstood, match="link to the file at 127.0.0.1.* may have expired") as told,
        server._connection.open(f"{bucket}/signed?signature=secret", {}),
    ):
        pass
    assert "secret" not in str(told.value)


def test_a_token_goes_to_no_other_place_and_never_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(haystack.HaystackError, match="sent unencrypted to haystack.example.org; use https") as refused:
        haystack.connect("http://haystack.example.org", TOKEN)
    assert refused.value.code == "USAGE"
    for address in ("haystack.example.org", "ftp://x", "https://x?y=1", "https://", ""):
        with pytest.raises(haystack.HaystackError, match="is not a URL"):
            haystack.connect(address, TOKEN)
    with pytest.raises(haystack.HaystackError, match="contains a user name or password"):
        haystack.connect("https://ada:secret@haystack.example.org")
    with pytest.raises(haystack.HaystackError, match="No server was named"):
        haystack.connect()
    with (
        scripted(lambda request, before: (200, {}, SESSION)) as (url, _),
        scripted(lambda request, before: (200, {}, b"cells")) as (bucket, asked),
    ):
        monkeypatch.setenv("HAYSTACK_SERVER", url)
        monkeypatch.setenv("HAYSTACK_TOKEN", TOKEN)
        with haystack.connect() as server, server._connection.open(f"{bucket}/signed", {}) as response:
            assert response.read() == b"cells"
        assert "authorization" not in asked[0].headers
        # A proxy of the environment sees nothing of what stays on this machine.
        monkeypatch.setenv("HTTP_PROXY", bucket)
        haystack.connect().close()
        assert len(asked) == 1
