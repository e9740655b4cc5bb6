"""The pairs of a job: prompt and query cells in, predicted cells out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from haystack_worker.failure import ExitCode, WorkerFailure

VERSION = 1
_FILES = ("prompt", "query", "output")


@dataclass(frozen=True)
class Pair:
    name: str
    prompt: Path
    query: Path
    output: Path

    @property
    def metrics(self) -> Path:
        return self.output.with_name(f"{self.output.name}.metrics.json")


def read_manifest(path: Path) -> tuple[Pair, ...]:
    """
    The pairs that a manifest lists, in its order: `{"version": 1, "pairs": [{"name", "prompt", "query", "output"}]}`
    with paths below the manifest's own folder, so that they hold wherever it is mounted. Fails with BAD_INPUT.
    """

    def bad(problem: str) -> WorkerFailure:
        return WorkerFailure(ExitCode.BAD_INPUT, f"The manifest {path} {problem}.")

    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise bad("does not exist") from None
    except (OSError, ValueError) as error:
        raise bad(f"is not readable JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise bad(f"is not of version {VERSION}; use the worker of the release that wrote it")
    listed = content.get("pairs")
    if not isinstance(listed, list) or not listed:
        raise bad("lists no pairs")
    pairs = tuple(_pair(entry, path.absolute().parent, bad) for entry in listed)
    for what, values in (("name", [pair.name for pair in pairs]), ("output", [pair.output for pair in pairs])):
        if len(set(values)) != len(values):
            raise bad(f"lists the same {what} more than once")
    return pairs


def _pair(entry: Any, folder: Path, bad: Any) -> Pair:
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(key), str) and entry[key] for key in ("name", *_FILES)
    ):
        raise bad("has a pair without name, prompt, query or output")
    for key in _FILES:
        named = PurePosixPath(entry[key])
        if named.is_absolute() or ".." in named.parts:
            raise bad(f"names {entry[key]}, which is not below its folder")
    return Pair(name=entry["name"], **{key: folder / entry[key] for key in _FILES})
