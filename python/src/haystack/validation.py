"""Withholds measured responses, predicts them, and compares with the truth: `haystack validate` on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from tqdm.auto import tqdm

from .program import find_program
from .report import Report

Withholdable = Literal["cell-type", "donor", "perturbation"]


class Validation:
    """`figures` is what `haystack validate --json` prints; docs/validation.md says what each figure means."""

    def __init__(self, figures: dict[str, Any]) -> None:
        self.figures = figures

    @property
    def targets(self) -> pd.DataFrame:
        """One row for each withheld response; figures within figures are joined by a dot, as in cell_eval.mse."""
        return pd.json_normalize(self.figures["targets"])

    @property
    def mean(self) -> pd.Series[Any]:
        """Each figure's mean over the targets."""
        return pd.json_normalize(self.figures["mean"]).iloc[0]

    def report(self) -> Report:
        return Report(Path(self.figures["files"]["report"]), f"Validation on {self.figures['dataset']}")

    def __repr__(self) -> str:
        judged = sum(target["status"] == "judged" for target in self.figures["targets"])
        return f"<Validation on {self.figures['dataset']}: {judged} of {len(self.figures['targets'])} targets judged>"


def validate(
    atlas: str | Path,
    *,
    cell_type: str | None = None,
    perturbation: str | None = None,
    donor: str | None = None,
    withhold: Withholdable | Sequence[Withholdable] = "cell-type",
    data_dir: str | Path = "haystack-data",
    program: str | Path | None = None,
    progress: bool = True,
    **options: str | int,
) -> Validation:
    """Withholds measured responses of a file, predicts them, and compares with the truth and with simpler answers.

    Without both `cell_type` and `perturbation` every target that is left open is validated. `withhold`: what the asked
    response is new in, one or several at once. `options` are those of `haystack validate`, such as seed=3 or
    cell_type_column="cluster".

    Errors: LocalError where Node or the program is missing; those of the command.
    """
    what = [withhold] if isinstance(withhold, str) else list(withhold)
    chosen = {
        "atlas": str(atlas),
        "withhold": ",".join(what),
        "cell_type": cell_type,
        "perturbation": perturbation,
        "donor": donor,
    }
    named = {**chosen, "data_dir": str(data_dir), **options}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in named.items() if value is not None]
    if cell_type is None or perturbation is None:
        flags.append("--all")
    with tqdm(disable=not progress, bar_format="{desc} [{elapsed}]", dynamic_ncols=True) as bar:
        return Validation(find_program(program).json("validate", *flags, on_line=bar.set_description_str))
