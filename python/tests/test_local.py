"""A daemon on this machine: what it needs, and that it ends."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from conftest import CHECKOUT, OWNER, PROGRAM, Place

import haystack
from haystack.program import find_program

START = """
import sys, haystack
server = haystack.local(data_dir=sys.argv[1], program=sys.argv[2])
print(server.url, flush=True)
sys.stdin.read()
"""


def listens(url: str) -> bool:
    address = httpx.URL(url)
    try:
        socket.create_connection((address.host, address.port or 80), timeout=10).close()
    except ConnectionError:
        return False
    return True


def until_nobody_listens(url: str) -> None:
    deadline = time.monotonic() + 60
    while listens(url):
        assert time.monotonic() < deadline, f"{url} still listens"


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_a_daemon_ends_with_the_python_that_started_it(tmp_path: Path, end: str) -> None:
    arguments = [sys.executable, "-c", START, str(tmp_path / "data"), str(PROGRAM)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as python:
        assert python.stdout is not None
        url = python.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url) and listens(url)
        if end == "kill":
            python.kill()
        else:
            python.communicate("")
            assert python.returncode == 0
    until_nobody_listens(url)


def test_a_daemon_with_an_owner_needs_its_token(place: Place) -> None:
    session = place.server.session()
    assert (session.owner, session.role) == (OWNER, "user")
    with pytest.raises(haystack.SignInRefused) as refused:
        haystack.connect(place.server.url)
    assert refused.value.code == "UNAUTHENTICATED"


def test_the_token_of_a_daemon_that_ended_is_revoked(tmp_path: Path) -> None:
    with haystack.local(data_dir=tmp_path, owner=OWNER, program=PROGRAM) as server:
        url = server.url
    assert not listens(url)
    tokens = find_program(PROGRAM).json("token", "list", "--data-dir", str(tmp_path))["tokens"]
    assert [token["owner"] for token in tokens] == [OWNER] and tokens[0]["revoked_at"] is not None
    server.close()


def test_a_daemon_that_does_not_begin_leaves_no_token(tmp_path: Path) -> None:
    program = tmp_path / "haystack"
    words = shlex.join(find_program(PROGRAM).command)
    program.write_text(
        f'#!/bin/sh\n[ "$1" = serve ] && echo "haystack: It does not begin." >&2 && exit 1\nexec {words} "$@"\n'
    )
    program.chmod(0o755)
    with pytest.raises(haystack.LocalError, match="It does not begin"):
        haystack.local(data_dir=tmp_path / "data", owner=OWNER, program=program)
    tokens = find_program(PROGRAM).json("token", "list", "--data-dir", str(tmp_path / "data"))["tokens"]
    assert [token["owner"] for token in tokens] == [OWNER] and tokens[0]["revoked_at"] is not None


def test_datasets_are_a_table_and_an_import_says_what_it_found(place: Place) -> None:
    table = place.server.datasets()
    assert list(table.index) == ["kang18_ifnb_pbmc"] and table["n_cells"].iloc[0] == 1556
    with pytest.raises(haystack.HaystackError, match="README.md") as refused:
        place.server.import_atlas(CHECKOUT / "README.md")
    assert refused.value.code == "FILE_NOT_HDF5"


def test_a_daemon_that_cannot_begin_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(haystack.LocalError) as failed:
        haystack.local(data_dir=tmp_path / "data", program=PROGRAM)
    assert str(failed.value).endswith(".") and "folder" in str(failed.value)


def test_a_program_that_is_missing_is_said_so_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HAYSTACK_PROGRAM", raising=False)
    with pytest.raises(haystack.LocalError, match="There is no HAYSTACK program on this machine; install it"):
        haystack.local()
    with pytest.raises(haystack.LocalError, match=f"There is no HAYSTACK program at {tmp_path}/haystack; install it"):
        haystack.local(program=tmp_path / "haystack")
    checkout = tmp_path / "bin" / "haystack.mjs"
    checkout.parent.mkdir()
    checkout.write_text("")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    with pytest.raises(haystack.LocalError, match="Node is missing; install Node 24"):
        haystack.local()
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v20.11.1\n")
    node.chmod(0o755)
    with pytest.raises(
        haystack.LocalError, match=r"Node 24 is needed, and this is Node 20\.11\.1 at .*/node; install Node 24"
    ):
        haystack.local()
    own = tmp_path / "node_modules" / "node" / "bin" / "node"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\necho v24.1.0\n")
    own.chmod(0o755)
    assert find_program(None).command == [str(own), str(checkout)]
    # The command that npm installs is a link to the program.
    (tmp_path / "haystack").symlink_to(PROGRAM)
    monkeypatch.setenv("HAYSTACK_PROGRAM", str(tmp_path / "haystack"))
    assert find_program(None).command[-1] == str(PROGRAM)


def test_a_program_that_says_nothing_is_no_riddle(tmp_path: Path) -> None:
    silent = tmp_path / "haystack"
    silent.write_text("#!/bin/sh\nexit 1\n")
    silent.chmod(0o755)
    with pytest.raises(haystack.LocalError, match="The HAYSTACK program cannot be started; install it"):
        haystack.local(data_dir=tmp_path / "data", program=silent)


def test_an_interrupt_of_the_terminal_is_none_of_the_daemon(place: Place) -> None:
    keeper = place.server._daemon._process
    assert os.getsid(keeper.pid) != os.getsid(0) and os.getpgid(keeper.pid) != os.getpgid(0)
