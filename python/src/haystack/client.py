"""A server, and what can be asked of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import quote
from uuid import uuid4

import pandas as pd
from pydantic import BaseModel, SecretStr

from . import models
from .address import server_address
from .connection import Connection
from .errors import HaystackError, RunCancelled, refusal
from .run import Run
from .settings import RunSettings

PAGE = 200
# In the order of the table, as GET /runs names them.
COLUMNS = [
    "query",
    "name",
    "status",
    "current_phase",
    "current_iteration",
    "final_score",
    "termination_reason",
    "expected_pearson",
    "gpu_cost_usd",
    "labels",
    "error_message",
    "created_at",
    "completed_at",
]


class _RunsPage(BaseModel):
    runs: list[models.ListedRun]
    next_cursor: str | None


class Haystack:
    """One server. Also a context manager, which closes the connections at its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def url(self) -> str:
        return self._connection.url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}, {'with' if self._connection.has_token else 'without'} a token>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def session(self) -> models.Session:
        """Who you are for the server, and its release. Error UNAUTHENTICATED."""
        return self._connection.get(models.Session, "/session")

    def check(
        self,
        question: str | None = None,
        *,
        cell_type: str | None = None,
        perturbation: str | None = None,
        **settings: Unpack[RunSettings],
    ) -> models.QuestionCheck:
        """How a question would be understood, and whether the atlases can answer it. Free of charge."""
        return self._connection.post(
            models.QuestionCheck, "/questions/check", _asked(question, cell_type, perturbation, settings)
        )

    def outlook(
        self,
        question: str | None = None,
        *,
        cell_type: str | None = None,
        perturbation: str | None = None,
        **settings: Unpack[RunSettings],
    ) -> models.QuestionOutlook:
        """How far a prediction is expected to agree with a measured response. Free of charge; takes seconds."""
        return self._connection.post(
            models.QuestionOutlook, "/questions/outlook", _asked(question, cell_type, perturbation, settings)
        )

    def submit(
        self,
        question: str | None = None,
        *,
        cell_type: str | None = None,
        perturbation: str | None = None,
        name: str | None = None,
        labels: dict[str, str] | None = None,
        seed: int | None = None,
        accept_repairs: bool = False,
        **settings: Unpack[RunSettings],
    ) -> Run:
        """Queues a question and does not wait for its answer.

        A question, or `cell_type` and `perturbation` exactly as the atlas writes them. Settings are those of `config`
        in the API, such as max_iterations. A name that had to be repaired is refused, with what may be meant, unless
        `accept_repairs`: the run then takes the only near name.

        Errors: QuestionRefused, LimitReached, SignInRefused and others of the server.
        """
        asked = _asked(question, cell_type, perturbation, settings)
        # Labels are exact, so nothing of them is repaired.
        if question is not None and not accept_repairs:
            check = self._connection.post(models.QuestionCheck, "/questions/check", asked)
            if check.did_you_mean and check.problem is not None:
                raise refusal(check.problem)
        named = {"name": name, "labels": labels, "random_seed": seed}
        body = asked | {key: value for key, value in named.items() if value is not None}
        return Run(
            self._connection, self._connection.post(models.Run, "/runs", body, {"Idempotency-Key": str(uuid4())})
        )

    def ask(
        self,
        question: str | None = None,
        *,
        cell_type: str | None = None,
        perturbation: str | None = None,
        name: str | None = None,
        labels: dict[str, str] | None = None,
        seed: int | None = None,
        accept_repairs: bool = False,
        progress: bool = True,
        **settings: Unpack[RunSettings],
    ) -> Run:
        """Submits a question as `submit` does, and shows its progress until it is completed. An interrupt cancels it.

        Errors: those of `submit`; RunFailed, RunCancelled.
        """
        run = self.submit(
            question,
            cell_type=cell_type,
            perturbation=perturbation,
            name=name,
            labels=labels,
            seed=seed,
            accept_repairs=accept_repairs,
            **settings,
        )
        try:
            run.wait(progress)
        except KeyboardInterrupt:
            run.cancel()
            raise
        if run.status != "completed":
            raise RunCancelled(
                "RUN_STATE_FORBIDS", f"Run {run.id} was cancelled and has no result; ask the question anew.", run
            )
        return run

    def run(self, run_id: str) -> Run:
        """Error RUN_NOT_FOUND."""
        return Run(self._connection, self._connection.get(models.RunStatus, f"/runs/{quote(run_id, safe='')}"))

    def cancel(self, run_id: str) -> Run:
        return self.run(run_id).cancel()

    def retry(self, run_id: str) -> Run:
        return self.run(run_id).retry()

    def runs(
        self,
        limit: int = 1000,
        *,
        status: str | None = None,
        text: str | None = None,
        id: str | None = None,
        label: str | Sequence[str] | None = None,
        failed_with: str | None = None,
        created_from: str | None = None,
        created_until: str | None = None,
        all: bool = False,
    ) -> pd.DataFrame:
        """The newest runs that the filters of GET /runs choose, one row each, by their ids. `label`: "key=value"."""
        chosen = {
            "status": status,
            "text": text,
            "id": id,
            "label": label,
            "failed_with": failed_with,
            "created_from": created_from,
            "created_until": created_until,
            "all": "true" if all else None,
        }
        filters = {name: value for name, value in chosen.items() if value is not None}
        rows = [_row(run) for run in self._listed(limit, filters)]
        table = pd.DataFrame(rows, columns=["run_id", *COLUMNS]).set_index("run_id")
        for column in ("created_at", "completed_at"):
            table[column] = pd.to_datetime(table[column], utc=True)
        return table

    def _listed(self, limit: int, filters: dict[str, Any]) -> Iterator[models.ListedRun]:
        cursor: dict[str, str] = {}
        while limit > 0:
            page = self._connection.get(_RunsPage, "/runs", {**filters, **cursor, "limit": min(PAGE, limit)})
            yield from page.runs
            limit -= len(page.runs)
            if page.next_cursor is None:
                return
            cursor = {"cursor": page.next_cursor}

    def datasets(self) -> pd.DataFrame:
        """The datasets of the atlas, one row each, by their names."""
        listed = self._connection.get(_Datasets, "/atlas/datasets", {"limit": 1000}).datasets
        return pd.DataFrame(listed, columns=_DATASET).set_index("dataset")


_DATASET = [
    "dataset",
    "n_cells",
    "n_genes",
    "cell_types",
    "perturbations",
    "donors",
    "simulated",
    "source_file",
    "warnings",
]


class _Datasets(BaseModel):
    datasets: list[dict[str, Any]]


def _row(run: models.ListedRun) -> dict[str, Any]:
    accuracy = run.expected_accuracy
    derived = {
        "expected_pearson": accuracy.pearson if isinstance(accuracy, models.ExpectedAccuracy) else None,
        "gpu_cost_usd": None if run.usage is None else run.usage.gpu_cost_usd,
    }
    return {"run_id": run.run_id} | {name: derived.get(name, getattr(run, name, None)) for name in COLUMNS}


def _asked(
    question: str | None, cell_type: str | None, perturbation: str | None, settings: RunSettings
) -> dict[str, Any]:
    if cell_type is None and perturbation is None and question is not None:
        return {"query": question, "config": settings}
    if question is not None or cell_type is None or perturbation is None:
        raise HaystackError(
            "USAGE", "Ask a question, or name both cell_type and perturbation exactly as the atlas writes them."
        )
    labels = {"cell_type": cell_type, "perturbation": perturbation}
    return {
        "query": f"How would {cell_type} respond to {perturbation}?",
        "config": {**settings, "exact_labels": labels},
    }


def connect(url: str | None = None, token: str | SecretStr | None = None, *, insecure_http: bool = False) -> Haystack:
    """A server by its address and a token, by default HAYSTACK_SERVER and HAYSTACK_TOKEN. Signs in to see that it can.

    Errors: UNAUTHENTICATED, SERVER_UNREACHABLE, SERVER_NOT_UNDERSTOOD; USAGE where the address is none, or where the
    token would be sent unencrypted to another machine.
    """
    secret = token if isinstance(token, SecretStr) else _secret(token or os.environ.get("HAYSTACK_TOKEN"))
    # Tracebacks that show what variables hold shall not show it.
    del token
    address = url if url is not None else os.environ.get("HAYSTACK_SERVER")
    if address is None:
        raise HaystackError(
            "USAGE", "No server was named; give its address, set HAYSTACK_SERVER, or start one with haystack.local()."
        )
    connection = Connection(server_address(address, secret is not None, insecure_http), secret)
    server = Haystack(connection)
    try:
        server.session()
    except BaseException:
        server.close()
        raise
    return server


def _secret(token: str | None) -> SecretStr | None:
    return None if token is None or token == "" else SecretStr(token)
