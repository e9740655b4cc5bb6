from __future__ import annotations

import os
import pickle
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.pop("STACK_CHECKPOINT", None)
os.environ.pop("STACK_GENELIST", None)
os.environ.pop("STACK_DEVICE", None)

STAND_IN = Path(__file__).with_name("stand_in.py")
# Of the query's genes the model knows all but KEPT and PLAIN; of the model's genes the files lack ABSENT.
QUERY_GENES = ["IFI6", "Isg15", "KEPT", "ACTB", "isg15", "MX1"]
PROMPT_GENES = ["MX1", "ACTB", "ISG15", "IFI6", "PLAIN"]
MODEL_GENES = ["ABSENT", "ACTB", "IFI6", "ISG15", "MX1", "PLAIN"]


def cells(counts: np.ndarray, genes: list[str], prefix: str) -> ad.AnnData:
    obs = pd.DataFrame({"donor": ["a"] * len(counts)}, index=[f"{prefix}{i}" for i in range(len(counts))])
    return ad.AnnData(X=sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=pd.DataFrame(index=genes))


def make_query() -> ad.AnnData:
    rng = np.random.default_rng(1)
    query = cells(rng.poisson([2, 1, 5, 20, 3, 1], size=(30, 6)), QUERY_GENES, "q")
    query.obs["organism"] = "human"
    query.var["highly"] = [1, 0, 1, 0, 1, 0]
    return query


def make_prompt() -> ad.AnnData:
    rng = np.random.default_rng(2)
    prompt = cells(rng.poisson([9, 20, 8, 12, 1], size=(40, 5)), PROMPT_GENES, "p")
    prompt.obs["haystack_split"] = "all"
    return prompt


@dataclass(frozen=True)
class Workplace:
    """A folder with the inputs of a job and a stand-in for the model."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, adata: ad.AnnData) -> None:
        adata.write_h5ad(self.path(name))

    def stand_in(self, behaviour: str = "") -> str:
        program = self.folder / f"stack-generation{behaviour}"
        program.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(STAND_IN))} --behaviour={behaviour} "$@"\n'
        )
        program.chmod(0o755)
        return str(program)

    def arguments(self, behaviour: str = "", **changes: object) -> list[str]:
        options = {
            "prompt": self.path("prompt.h5ad"),
            "query": self.path("query.h5ad"),
            "output": self.path("out/predictions.h5ad"),
            "seed": 7,
            "checkpoint": self.path("tiny.ckpt"),
            "genelist": self.path("genes.pkl"),
            "stack-generation": self.stand_in(behaviour),
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return [f"--{name}={value}" for name, value in options.items() if value is not None]

    def left_over(self) -> list[str]:
        return sorted(path.name for path in self.path("out").glob("*")) if self.path("out").exists() else []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    made = Workplace(tmp_path)
    made.write("query.h5ad", make_query())
    made.write("prompt.h5ad", make_prompt())
    made.path("tiny.ckpt").write_bytes(b"weights")
    made.path("genes.pkl").write_bytes(pickle.dumps(MODEL_GENES))
    return made


@pytest.fixture
def run(place: Workplace, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the worker in this process; gives the exit code and the last line on stderr."""
    from haystack_worker.cli import main

    def call(behaviour: str = "", **changes: object) -> tuple[int, str]:
        try:
            code = main(place.arguments(behaviour, **changes))
        except SystemExit as end:
            code = int(end.code or 0)
        lines = capfd.readouterr().err.strip().splitlines()
        return code, lines[-1] if lines else ""

    return call
