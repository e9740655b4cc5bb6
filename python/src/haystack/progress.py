"""A bar of iterations that shows where a run is, in a notebook and on a terminal."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm

from .models import Run, RunStatus, RunSummary

PHASES = {
    "pending": "waiting to start",
    "query_analysis": "understanding the question",
    "prompt_generation": "choosing prompt cells",
    "inference": "predicting",
    "evaluation": "judging the prediction",
    "output_generation": "writing the results",
}
FORMAT = "{desc} |{bar}| {n}/{total} iterations [{elapsed}{postfix}]"


def where(run: RunSummary | Run | RunStatus) -> str:
    """What the run is doing, in a few words."""
    if run.status == "cancelled":
        return "cancelled" if run.current_phase is None else "cancelling, its jobs are being stopped"
    if run.status == "pending":
        return PHASES["pending"]
    if run.status != "running" or run.current_phase is None:
        return run.status
    held = "" if not run.held_jobs else f" (no machine yet: {run.held_jobs[0].reason})"
    return f"{PHASES[run.current_phase]}{held}"


class Progress:
    def __init__(self, max_iterations: int, hidden: bool) -> None:
        self._bar: Any = tqdm(total=max_iterations, bar_format=FORMAT, disable=hidden, dynamic_ncols=True)

    def show(self, run: RunSummary) -> None:
        bar = self._bar
        scores = run.grounding_scores
        # A run ends before its last iteration where that is good enough.
        if run.status == "completed":
            bar.total = max(1, len(scores))
        bar.n = len(scores)
        if scores:
            bar.set_postfix_str(f"score {run.final_score or scores[-1]}", refresh=False)
        bar.set_description(where(run), refresh=False)
        bar.refresh()

    def lost(self) -> None:
        self._bar.set_description("the connection is lost, and is tried again")

    def close(self) -> None:
        self._bar.close()
