from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pytest
from conftest import Workplace, cells, make_prompt

from haystack_worker.cli import main

Outcomes = list[tuple[str, str]]
NAMES = ["prediction", "control", "prediction_2", "control_2"]


def entry(name: str) -> dict[str, str]:
    return {"name": name, "prompt": f"{name}.prompt.h5ad", "query": "query.h5ad", "output": f"out/{name}.h5ad"}


def scaled_prompt(factor: int) -> ad.AnnData:
    prompt = make_prompt()
    prompt.X = (prompt.X * factor).astype(np.float32)
    return prompt


@pytest.fixture
def round_of_four(place: Workplace) -> Workplace:
    for factor, name in enumerate(NAMES, start=1):
        place.write(f"{name}.prompt.h5ad", scaled_prompt(factor))
    place.path("manifest.json").write_text(json.dumps({"version": 1, "pairs": [entry(name) for name in NAMES]}))
    return place


@pytest.fixture
def attempt(place: Workplace, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Outcomes, str]]:
    """Runs the worker with the manifest; gives the exit code, what it reported of the pairs, and what the model
    said."""

    def call(behaviour: str = "", **changes: object) -> tuple[int, Outcomes, str]:
        code = main(
            place.arguments(
                behaviour,
                **{"prompt": None, "query": None, "output": None, "manifest": place.path("manifest.json"), **changes},
            )
        )
        said = capfd.readouterr()
        reports = [json.loads(line) for line in said.out.splitlines()]
        assert all(report["seconds"] >= 0 for report in reports)
        return code, [(report["pair"], report["outcome"]) for report in reports], said.err

    return call


def outputs(place: Workplace) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.path("out").glob("*.h5ad")}


def test_a_round_loads_the_model_once_and_equals_its_pairs_one_by_one(round_of_four: Workplace, attempt: Any) -> None:
    code, reports, said = attempt()
    assert (code, reports) == (0, [(name, "predicted") for name in NAMES])
    assert said.count("Model loaded successfully") == 1
    together = outputs(round_of_four)
    assert len(set(together.values())) == 4
    for name in NAMES:
        alone = round_of_four.path(f"alone/{name}.h5ad")
        assert main(round_of_four.arguments(prompt=round_of_four.path(f"{name}.prompt.h5ad"), output=alone)) == 0
        assert hashlib.sha256(alone.read_bytes()).hexdigest() == together[f"{name}.h5ad"]
    metrics = [json.loads(round_of_four.path(f"out/{name}.h5ad.metrics.json").read_text()) for name in NAMES]
    assert all(each["seconds"] > 0 and each["load_seconds"] > 0 and each["model_seconds"] >= 0 for each in metrics)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_what_was_stored_before_an_interruption_is_not_predicted_twice(
    round_of_four: Workplace, attempt: Any, number: int
) -> None:
    """Interrupted in each pair, and a second time in the first pair that is left."""
    for behaviour, found, done in (
        (f"interrupted-at-{number}", 0, number - 1),
        ("interrupted-at-1", number - 1, number - 1),
        ("", number - 1, 4),
    ):
        code, reports, _ = attempt(behaviour)
        assert (code == 0) == (behaviour == "")
        assert reports == [
            *((name, "found") for name in NAMES[:found]),
            *((name, "predicted") for name in NAMES[found:done]),
        ]
        assert sorted(outputs(round_of_four)) == sorted(f"{name}.h5ad" for name in NAMES[:done])
    assert attempt()[1] == [(name, "found") for name in NAMES]


def damaged(place: Workplace) -> None:
    place.path("out/control.h5ad").write_bytes(b"other")


def without_metrics(place: Workplace) -> None:
    place.path("out/control.h5ad.metrics.json").unlink()


def cut_metrics(place: Workplace) -> None:
    path = place.path("out/control.h5ad.metrics.json")
    path.write_text(path.read_text()[:40])


def other_prompt(place: Workplace) -> None:
    place.write("control.prompt.h5ad", scaled_prompt(9))


def nothing(_: Workplace) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "options", "again"),
    [
        (damaged, {}, ["control"]),
        (without_metrics, {}, ["control"]),
        (cut_metrics, {}, ["control"]),
        (other_prompt, {}, ["control"]),
        (nothing, {"seed": 8}, NAMES),
        (nothing, {"num_steps": 4}, NAMES),
        (lambda place: place.path("tiny.ckpt").write_bytes(b"other weights"), {}, NAMES),
        (
            lambda place: place.write(
                "query.h5ad", cells(np.full((9, 6), 3), ["IFI6", "Isg15", "KEPT", "ACTB", "isg15", "MX1"], "q")
            ),
            {},
            NAMES,
        ),
    ],
)
def test_other_work_is_done_again(
    round_of_four: Workplace,
    attempt: Any,
    change: Callable[[Workplace], object],
    options: dict[str, object],
    again: list[str],
) -> None:
    assert attempt()[0] == 0
    change(round_of_four)
    code, reports, _ = attempt(**options)
    assert code == 0
    assert sorted(name for name, outcome in reports if outcome == "predicted") == sorted(again)


def test_a_prompt_with_other_genes_is_sent_for_itself(round_of_four: Workplace, attempt: Any) -> None:
    few = make_prompt()[:, ["MX1", "ACTB"]].copy()
    round_of_four.write("control.prompt.h5ad", few)
    code, reports, said = attempt()
    assert (code, len(reports)) == (0, 4)
    assert said.count("Model loaded successfully") == 2
    assert list(ad.read_h5ad(round_of_four.path("out/control.h5ad")).uns["genes_not_predicted"]) == [
        "IFI6",
        "Isg15",
        "KEPT",
        "isg15",
    ]
    assert list(ad.read_h5ad(round_of_four.path("out/prediction.h5ad")).uns["genes_not_predicted"]) == ["KEPT", "isg15"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not readable JSON"),
        ("[]", "is not of version 1"),
        (json.dumps({"version": 2, "pairs": [entry("a")]}), "is not of version 1"),
        (json.dumps({"version": 1, "pairs": []}), "lists no pairs"),
        (json.dumps({"version": 1, "pairs": [{**entry("a"), "output": ""}]}), "without name, prompt, query or output"),
        (json.dumps({"version": 1, "pairs": [{**entry("a"), "output": "../a.h5ad"}]}), "not below its folder"),
        (json.dumps({"version": 1, "pairs": [{**entry("a"), "prompt": "/etc/passwd"}]}), "not below its folder"),
        (
            json.dumps({"version": 1, "pairs": [entry("a"), {**entry("b"), "name": "a"}]}),
            "the same name more than once",
        ),
        (
            json.dumps({"version": 1, "pairs": [entry("a"), {**entry("b"), "output": "out/a.h5ad"}]}),
            "the same output more than once",
        ),
    ],
)
def test_bad_manifests(place: Workplace, attempt: Any, content: str, words: str) -> None:
    place.path("manifest.json").write_text(content)
    code, reports, said = attempt()
    assert (code, reports) == (2, [])
    assert words in said.splitlines()[-1]


def test_a_missing_manifest_and_both_forms_at_once(place: Workplace, attempt: Any) -> None:
    assert attempt(manifest=Path("/nowhere/manifest.json"))[0] == 2
    with pytest.raises(SystemExit) as ended:
        attempt(query=place.path("query.h5ad"))
    assert ended.value.code == 2


def test_one_bad_pair_is_told_before_the_model_is_loaded(round_of_four: Workplace, attempt: Any) -> None:
    round_of_four.path("control_2.prompt.h5ad").unlink()
    code, reports, said = attempt()
    assert (code, reports) == (2, [])
    assert "Model loaded" not in said
