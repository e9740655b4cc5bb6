"""A real daemon on the real data of Kang et al., which needs a token, and whose model does what a file says."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import haystack

CHECKOUT = Path(__file__).parents[2]
PROGRAM = CHECKOUT / "bin" / "haystack.mjs"
KANG = Path(os.environ.get("HAYSTACK_TEST_DATA", CHECKOUT / "../shared/data")) / "kang18_ifnb_pbmc.h5ad"
OWNER = "ada@example.org"
# A prediction that takes little.
SMALL = {"max_iterations": 1, "prompt_cells": 50, "query_cells": 50, "control_strategy": "query_as_control"}


@dataclass
class Place:
    """`token` is what the connection has, for connections of the tests' own."""

    server: haystack.LocalHaystack
    token: str
    behaviour: Path

    def model(self, behaviour: str) -> None:
        """What the model does from now on: "predict", "fail", "hold" until it is stopped, or "after PIPE"."""
        self.behaviour.write_text(behaviour)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("daemon")
    behaviour = folder / "behaviour"
    behaviour.write_text("predict")
    model = CHECKOUT / "science" / "inference" / "delta-transfer-main.ts"
    node = CHECKOUT / "node_modules" / "node" / "bin" / "node"
    steered = f'"{sys.executable}" "{Path(__file__).parent / "steered_model.py"}" "{behaviour}" "{node}" "{model}"'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFERENCE_COMMAND", f"{steered} --prompt {{prompt}} --query {{query}} --output {{output}}")
        patch.setenv("POLL_MILLISECONDS", "50")
        patch.setenv("COMPUTE_PROCESSES", "1")
        patch.delenv("HAYSTACK_TOKEN", raising=False)
        server = haystack.local(atlas=KANG, data_dir=folder / "data", owner=OWNER, program=PROGRAM)
    with server:
        secret = server._connection._token
        assert secret is not None
        yield Place(server, secret.get_secret_value(), behaviour)


@pytest.fixture
def server(place: Place) -> haystack.LocalHaystack:
    place.model("predict")
    return place.server


@pytest.fixture(scope="session")
def answered(place: Place) -> haystack.Run:
    """A run that is completed."""
    place.model("predict")
    return place.server.ask("How would B cells respond to IFN-beta?", seed=7, labels={"for": "tests"}, **SMALL)
