"""Makes finished files appear at their final names, whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path


def publish(files: list[tuple[Path, Path]]) -> None:
    """
    Moves (finished file, final path) pairs in that order. Each is copied to a temporary name in the final folder,
    written through to the disk and renamed; no temporary name is left behind.
    """
    suffix = f"{secrets.token_hex(4)}.partial"
    staged = [(source, final, final.with_name(f"{final.name}.{suffix}")) for source, final in files]
    try:
        for source, final, partial in staged:
            final.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as reader, partial.open("wb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
        for _, final, partial in staged:
            os.replace(partial, final)
        for folder in {final.parent for _, final, _ in staged}:
            _write_through(folder)
    finally:
        for _, _, partial in staged:
            partial.unlink(missing_ok=True)


def _write_through(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Mounted buckets have no folders to write through.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
