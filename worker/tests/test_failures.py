from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pytest
from conftest import MODEL_GENES, Workplace, make_prompt, make_query
from scipy import sparse

Run = Callable[..., tuple[int, str]]


def check(place: Workplace, outcome: tuple[int, str], code: int, words: str) -> None:
    assert outcome[0] == code, outcome
    assert words in outcome[1]
    assert outcome[1].startswith("haystack-worker: ")
    assert place.left_over() == []
    assert list(place.path("scratch").iterdir()) == []


def with_X(adata: ad.AnnData, X: object) -> ad.AnnData:
    return ad.AnnData(X=X, obs=adata.obs, var=adata.var)


def with_value(adata: ad.AnnData, value: float) -> ad.AnnData:
    adata.X.data[3] = value
    return adata


def with_names(adata: ad.AnnData, axis: str, names: list[str]) -> ad.AnnData:
    setattr(adata, axis, names)
    return adata


BAD_CELLS: list[tuple[str, Callable[[ad.AnnData], ad.AnnData], str]] = [
    ("dense", lambda a: with_X(a, a.X.toarray()), "is not a CSR matrix"),
    ("by column", lambda a: with_X(a, a.X.tocsc()), "is not a CSR matrix"),
    ("float64", lambda a: with_X(a, a.X.astype(np.float64)), "holds float64 values where float32 is expected"),
    ("NaN", lambda a: with_value(a, np.nan), "not finite"),
    ("infinite", lambda a: with_value(a, np.inf), "not finite"),
    ("negative", lambda a: with_value(a, -1), "negative values"),
    ("no cells", lambda a: a[:0].copy(), "0 cells"),
    ("no genes", lambda a: a[:, :0].copy(), "0 genes"),
    ("cell twice", lambda a: with_names(a, "obs_names", ["x"] * a.n_obs), "the cell name 'x' more than once"),
    ("gene twice", lambda a: with_names(a, "var_names", ["x"] * a.n_vars), "the gene name 'x' more than once"),
    (
        "no gene of the model",
        lambda a: with_names(a, "var_names", [f"ENSG{i}" for i in range(a.n_vars)]),
        "no gene symbol in common",
    ),
]


@pytest.mark.filterwarnings("ignore:.*names are not unique")
@pytest.mark.parametrize("role", ["prompt", "query"])
@pytest.mark.parametrize(("spoil", "words"), [case[1:] for case in BAD_CELLS], ids=[case[0] for case in BAD_CELLS])
def test_bad_cells(
    place: Workplace, run: Run, role: str, spoil: Callable[[ad.AnnData], ad.AnnData], words: str
) -> None:
    place.write(f"{role}.h5ad", spoil(make_prompt() if role == "prompt" else make_query()))
    check(place, run("unloadable"), 2, words)


def no_split(prompt: ad.AnnData) -> None:
    del prompt.obs["haystack_split"]


def two_splits(prompt: ad.AnnData) -> None:
    prompt.obs["haystack_split"] = ["a", "b"] * (prompt.n_obs // 2)


@pytest.mark.parametrize(("spoil", "words"), [(no_split, "no obs column haystack_split"), (two_splits, "has 2 values")])
def test_bad_split(place: Workplace, run: Run, spoil: Callable[[ad.AnnData], None], words: str) -> None:
    prompt = make_prompt()
    spoil(prompt)
    place.write("prompt.h5ad", prompt)
    check(place, run("unloadable"), 2, words)


def test_bad_files(place: Workplace, run: Run) -> None:
    check(place, run(query=place.path("missing.h5ad")), 2, "does not exist")
    place.path("cut.h5ad").write_bytes(place.path("query.h5ad").read_bytes()[:3000])
    check(place, run(query=place.path("cut.h5ad")), 2, "not a readable AnnData file")
    with h5py.File(place.path("query.h5ad"), "r+") as file:
        file["X/indices"][0] = 99
    check(place, run(), 2, "damaged")


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": "-1"},
        {"seed": "many"},
        {"num_steps": 0},
        {"batch_size": 0},
        {"num_workers": -1},
        {"prompt_ratio": 0.7},
        {"context_ratio": 0},
        {"mode": "other"},
        {"device": "tpu"},
        {"query": None},
    ],
)
def test_bad_arguments(run: Run, changes: dict[str, object]) -> None:
    code, last = run(**changes)
    assert code == 2
    assert last.startswith("haystack-worker: error: ")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch run-by-pickle",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a pickle", "not a readable pickle"),
        (pickle.dumps({"genes": MODEL_GENES}), "not a list"),
        (pickle.dumps([]), "not a list"),
        (pickle.dumps([1, 2]), "not a list"),
        (pickle.dumps(["ACTB", "Isg15"]), "lower-case"),
        (pickle.dumps(["ACTB", "ACTB"]), "more than once"),
        (pickle.dumps(Hostile()), "a pickled list of gene symbols and nothing else"),
    ],
)
def test_bad_gene_list(place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str) -> None:
    monkeypatch.chdir(place.folder)
    place.path("genes.pkl").write_bytes(content)
    check(place, run(), 3, words)
    assert not place.path("run-by-pickle").exists()


def test_gene_list_of_numpy_strings_is_read(place: Workplace, run: Run) -> None:
    place.path("genes.pkl").write_bytes(pickle.dumps(list(np.array(MODEL_GENES))))
    assert run()[0] == 0


def test_model_that_cannot_be_used(place: Workplace, run: Run) -> None:
    check(place, run(checkpoint=None), 3, "No --checkpoint is given and STACK_CHECKPOINT is not set")
    check(place, run(genelist=None), 3, "No --genelist is given")
    check(place, run(genelist=place.path("missing.pkl")), 3, "does not exist")
    check(place, run(checkpoint=place.path("missing.ckpt")), 3, "does not exist")
    check(place, run(checkpoint=place.path("genes.pkl")), 3, "not a .ckpt")
    place.path("empty.ckpt").write_bytes(b"")
    check(place, run(checkpoint=place.path("empty.ckpt")), 3, "is empty")
    check(place, run(stack_generation="no-such-program"), 3, "no-such-program is not installed")
    place.path("broken").write_text("#!/no/such/interpreter\n")
    place.path("broken").chmod(0o755)
    check(place, run(stack_generation=place.path("broken")), 3, "cannot be started")
    check(
        place,
        run("unloadable"),
        3,
        "could not be loaded; it ended with exit code 1: RuntimeError: Error(s) in loading state_dict",
    )
    check(place, run(device="cuda"), 3, "no usable GPU")


def test_stack_generation_is_not_found_by_accident(place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place.path("scratch")))
    monkeypatch.setattr(sys, "executable", str(place.path("scratch/python")))
    check(place, run(stack_generation=None), 3, "stack-generation is not installed")


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        ("crash", 4, "The model ended with exit code 1: ValueError: Quantiles must be in the range [0, 1]"),
        ("gpu-memory", 6, "CUDA out of memory. Tried to allocate 2.00 GiB"),
        ("killed", 6, "killed by the system"),
        ("nothing", 5, "wrote no pair-0000.h5ad"),
        ("not-anndata", 5, "not a readable AnnData file"),
        ("not-finite", 5, "not finite"),
        ("negative", 5, "negative values"),
        ("zero", 5, "zero for every cell and gene"),
        ("fewer-cells", 5, "511 cells where 512 were sent"),
        ("other-order", 5, "in another order"),
        ("other-genes", 5, "lacks 1 of the 4 genes, ACTB among them"),
    ],
)
def test_model_that_fails(place: Workplace, run: Run, behaviour: str, code: int, words: str) -> None:
    changes = {"genelist": place.path("known.pkl")} if behaviour == "other-genes" else {}
    place.path("known.pkl").write_bytes(pickle.dumps(MODEL_GENES[1:]))
    check(place, run(behaviour, **changes), code, words)


def test_output_with_other_values_or_names_is_not_written() -> None:
    from haystack_worker.failure import WorkerFailure
    from haystack_worker.prediction import check_output

    query = make_query()
    check_output(make_query(), query)
    for spoiled in (
        with_value(make_query(), np.nan),
        with_value(make_query(), -1),
        make_query()[::-1].copy(),
        make_query()[:, ::-1].copy(),
    ):
        with pytest.raises(WorkerFailure) as raised:
            check_output(spoiled, query)
        assert raised.value.code == 5


def test_want_of_memory_in_the_worker(place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def want(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(sparse, "hstack", want)
    check(place, run(), 6, "The worker ran out of memory")


def test_output_that_cannot_be_written(place: Workplace, run: Run) -> None:
    place.path("file").write_bytes(b"")
    check(place, run(output=place.path("file/predictions.h5ad")), 1, "NotADirectoryError")


def test_output_whose_rename_fails_leaves_no_partial_file(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no rename here")

    monkeypatch.setattr(os, "replace", refuse)
    check(place, run(), 1, "no rename here")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_model_and_leaves_nothing(place: Workplace, number: signal.Signals) -> None:
    package = str(Path(__file__).parents[1])
    worker = subprocess.Popen(
        [sys.executable, "-m", "haystack_worker", *place.arguments("wait")],
        env={**os.environ, "PYTHONPATH": package},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    waiting = next(
        (line.removeprefix("waiting in ").strip() for line in worker.stderr if line.startswith("waiting in ")),
        "the model never waited",
    )
    while_waiting = list(place.path("scratch").iterdir())
    worker.send_signal(number)
    _, stderr = worker.communicate(timeout=60)
    assert len(while_waiting) == 1
    check(place, (worker.returncode, stderr.strip().splitlines()[-1]), 143, f"Stopped by {number.name}")
    models = subprocess.run(["pgrep", "-f", waiting], capture_output=True, text=True, check=False).stdout
    assert models == ""
