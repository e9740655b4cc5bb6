"""The `haystack` program of this machine, and Node to run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import LocalError, error_of

NODE = 24
BRING_NODE = f"install Node {NODE} (https://nodejs.org), or run `npm ci` in the checkout, which brings it."
HOW = (
    "install it from a checkout (`npm pack`, then `npm install --global ./haystack-*.tgz`), start Python in a checkout,"
    " or name it in program= or HAYSTACK_PROGRAM."
)
CANNOT_START = f"The HAYSTACK program cannot be started; {HOW}"


class Program:
    """`command` begins every command line."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def json(self, *arguments: str, on_line: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
        """What a command prints under --json; `on_line` is told what it says meanwhile. Errors: the command's."""
        said = ""
        with tempfile.TemporaryFile("w+") as printed:
            with subprocess.Popen(
                [*self.command, *arguments, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stderr is not None
                try:
                    for line in process.stderr:
                        said = line.strip() or said
                        on_line(said)
                except BaseException:
                    process.terminate()
                    raise
            printed.seek(0)
            told = _object(printed.read())
        if told is None:
            raise LocalError("INTERNAL", said.removeprefix("haystack: ") or CANNOT_START)
        if "error" in told and "message" in told:
            raise error_of(
                told["error"], told["message"], told.get("details"), told.get("run_id"), otherwise=LocalError
            )
        return told


def _object(text: str) -> dict[str, Any] | None:
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def find_program(given: str | Path | None) -> Program:
    """As given or in HAYSTACK_PROGRAM; otherwise `haystack` on the PATH, or the checkout that Python was started in.

    Error USAGE: there is none, or no Node to run it.
    """
    named = given or os.environ.get("HAYSTACK_PROGRAM") or shutil.which("haystack") or _in_checkout()
    if named is None:
        raise LocalError("USAGE", f"There is no HAYSTACK program on this machine; {HOW}")
    file = Path(shutil.which(named) or named).resolve()
    if not file.is_file():
        raise LocalError("USAGE", f"There is no HAYSTACK program at {named}; {HOW}")
    return Program([str(file)] if file.suffix != ".mjs" else [_node(file), str(file)])


def _in_checkout() -> Path | None:
    here = Path.cwd()
    return next((file for folder in (here, *here.parents) if (file := folder / "bin" / "haystack.mjs").is_file()), None)


def _node(program: Path) -> str:
    """Node of the checkout's own, or of this machine."""
    own = program.parent.parent / "node_modules" / "node" / "bin" / "node"
    found = str(own) if own.is_file() else shutil.which("node")
    if found is None:
        raise LocalError(
            "USAGE",
            f"Node is missing; {BRING_NODE}",
        )
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = told.removeprefix("v").split(".")[0]
    if not major.isdecimal() or int(major) < NODE:
        raise LocalError(
            "USAGE",
            f"Node {NODE} is needed, and this is Node {told.removeprefix('v') or '(unknown)'} at {found}; {BRING_NODE}",
        )
    return found
