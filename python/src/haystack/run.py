"""One question on its way to an answer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import anndata

from . import models
from .connection import Connection
from .download import download
from .errors import HaystackError, NotFound, RunFailed
from .events import follow
from .progress import Progress, where
from .report import Report

FileKind = Literal["anndata", "report", "findings", "log"]


class Run:
    """What the server told of it last is in `shown`; `refresh()` asks anew."""

    def __init__(self, connection: Connection, shown: models.Run | models.RunStatus) -> None:
        self._connection = connection
        self._path = f"/runs/{quote(shown.run_id, safe='')}"
        self.shown: models.Run | models.RunStatus = shown

    @property
    def id(self) -> str:
        return self.shown.run_id

    @property
    def status(self) -> str:
        return self.shown.status

    def __repr__(self) -> str:
        score = "" if self.shown.final_score is None else f", score {self.shown.final_score}"
        return f"<Run {self.id}: {where(self.shown)}{score}: {self.shown.query!r}>"

    def refresh(self) -> models.RunStatus:
        """Also tells its jobs, what it waits for, and whether nobody hosts it."""
        status = self._connection.get(models.RunStatus, self._path)
        self.shown = status
        return status

    def wait(self, progress: bool = True) -> Run:
        """Follows the run until it rests. An interrupt leaves the run alone.

        Errors: RunFailed; those of the server, SERVER_UNREACHABLE.
        """
        bar = Progress(self.shown.config.max_iterations, hidden=not progress)
        try:
            follow(self._connection, self.id, bar.show, bar.lost)
        finally:
            bar.close()
        error = self.refresh().error
        if self.shown.status == "failed":
            code, sentence = ("INTERNAL", self.shown.error_message) if error is None else (error.code, error.message)
            raise RunFailed(code, sentence or f"Run {self.id} failed.", self)
        return self

    def cancel(self) -> Run:
        """Stops the run and its GPU jobs. Asking twice does nothing twice."""
        self.shown = self._connection.post(models.Run, f"{self._path}/cancel")
        return self

    def retry(self) -> Run:
        """Resumes a failed run where it stopped; `retry().wait()` follows it. Error RUN_STATE_FORBIDS."""
        self.shown = self._connection.post(models.Run, f"{self._path}/retry")
        return self

    def findings(self) -> models.RunResult:
        """Score, expected accuracy, what the answer rests on, genes, pathways. Error RUN_STATE_FORBIDS: no result."""
        return self._connection.get(models.RunResult, f"{self._path}/result")

    def result(self) -> anndata.AnnData:
        """Predicted cells and the control cells that they are compared with, as docs/predictions.md describes them.

        Errors: RUN_STATE_FORBIDS where the run is not completed; NotFound where its files are gone.
        """
        with tempfile.TemporaryDirectory(prefix="haystack-") as folder:
            return anndata.read_h5ad(self._fetch("anndata", Path(folder)))

    def report(self, folder: str | Path = ".") -> Report:
        """The report, saved in `folder`: shown where it is the last expression of a notebook's cell."""
        return Report(self._fetch("report", Path(folder)), f"Report of {self.id}")

    def download(self, folder: str | Path = ".") -> dict[FileKind, Path]:
        """Saves the files of the result in `folder`, and tells where; runs of earlier releases have no findings."""
        return {file.kind: self._fetch(file.kind, Path(folder)) for file in self.findings().files}

    def logs(self) -> models.JobOutputs:
        """What the inference program said, attempt by attempt."""
        return self._connection.get(models.JobOutputs, f"{self._path}/logs")

    def _fetch(self, kind: FileKind, folder: Path) -> Path:
        file = next((file for file in self.findings().files if file.kind == kind), None)
        if file is None or file.bytes is None:
            raise NotFound("OBJECT_NOT_FOUND", f"The {kind} file of run {self.id} no longer exists.", None, self.id)
        if Path(file.name).name != file.name:
            raise HaystackError(
                "OBJECT_PATH_INVALID", f"The server names a file {file.name!r}, which is no name of a file."
            )
        folder.mkdir(parents=True, exist_ok=True)
        return download(self._connection, file.url, folder / file.name, file.bytes)
