from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Workplace
from haystack_worker.job import Job, command_of
from haystack_worker.publish import publish


def command(**changes: Any) -> dict[str, str]:
    """The options of the model's command for a job changed as told."""
    given: dict[str, Any] = {
        "pairs": (),
        "seed": 7,
        "checkpoint": Path("/models/tiny.ckpt"),
        "genelist": Path("/models/genes.pkl"),
        "num_steps": 3,
        "batch_size": 16,
        "prompt_ratio": 0.3,
        "context_ratio": 0.5,
        "mode": "vanilla",
        "device": "cpu",
        "num_workers": 2,
        "program": None,
        **changes,
    }
    program, *options = command_of(
        Job(**given), "stack-generation", Path("/s/prompt.h5ad"), Path("/s/query.h5ad"), Path("/s/results")
    )
    assert program == "stack-generation"
    return dict(zip(options[::2], options[1::2], strict=True))


def test_the_model_is_told_everything_of_the_job() -> None:
    assert command() == {
        "--checkpoint": "/models/tiny.ckpt",
        "--base-adata": "/s/prompt.h5ad",
        "--test-adata": "/s/query.h5ad",
        "--genelist": "/models/genes.pkl",
        "--output-dir": "/s/results",
        "--split-column": "haystack_split",
        "--num-steps": "3",
        "--batch-size": "16",
        "--random-seed": "7",
        "--prompt-ratio": "0.3",
        "--context-ratio": "0.5",
        "--context-ratio-min": "0.2",
        "--mode": "vanilla",
        "--num-workers": "2",
    }


def test_seeds_of_a_run_fit_the_model_which_adds_its_steps_to_them() -> None:
    assert [command(seed=seed)["--random-seed"] for seed in (0, 2**31 - 1, 2**31, 2**32 - 1)] == [
        "0",
        str(2**31 - 1),
        "0",
        str(2**31 - 1),
    ]


def test_the_least_context_ratio_never_exceeds_the_one_asked_for() -> None:
    assert command(context_ratio=0.1)["--context-ratio-min"] == "0.1"
    assert command(context_ratio=0.2)["--context-ratio-min"] == "0.2"


def test_files_are_on_disk_before_their_names_appear_in_the_order_given(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        done.append(f"disk {name.split('.')[0]}")
        fsync(descriptor)

    def noted_replace(source: Path, final: Path) -> None:
        done.append(f"name {final.stem}")
        replace(source, final)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    for name in ("a", "b"):
        place.path(name).write_text(name)
    publish([(place.path("a"), place.path("out/a.json")), (place.path("b"), place.path("out/b.json"))])
    assert done == ["disk a", "disk b", "name a", "name b", "disk out"]
    assert place.left_over() == ["a.json", "b.json"]
