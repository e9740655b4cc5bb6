"""Downloads that go on where they were interrupted."""

from __future__ import annotations

import os
from pathlib import Path

from .connection import Connection, Passing, patiently
from .errors import ServerUnreachable


def download(connection: Connection, url: str, target: Path, size: int) -> Path:
    """Writes `size` bytes to `target`, whole or not at all. Errors: those of the server, SERVER_UNREACHABLE."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    etag: str | None = None

    def once() -> None:
        nonlocal etag
        have = part.stat().st_size if part.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have > 0 and etag is not None:
            headers |= {"Range": f"bytes={have}-", "If-Range": etag}
        with connection.open(url, headers) as response:
            etag = response.headers.get("ETag")
            with part.open("ab" if response.status_code == 206 else "wb") as file:
                for chunk in response.iter_raw():
                    file.write(chunk)
        if part.stat().st_size != size:
            etag = None
            raise Passing(
                ServerUnreachable(
                    "SERVER_UNREACHABLE", f"The file {target.name} did not arrive whole; download it again."
                )
            )

    try:
        patiently(once)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target
