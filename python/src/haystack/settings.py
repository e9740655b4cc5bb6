"""What the HTTP API takes, from its OpenAPI document. Made by `npm run python:models`, not by hand."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class ExactLabels(TypedDict):
    cell_type: str
    perturbation: str


class Withhold(TypedDict):
    cell_type: str
    perturbation: str
    donor: NotRequired[str]
    what: NotRequired[list[Literal["cell-type", "donor", "perturbation"]]]
    split_seed: NotRequired[int]


class RunSettings(TypedDict):
    max_iterations: NotRequired[int]
    score_threshold: NotRequired[int]
    control_strategy: NotRequired[Literal["synthetic_control", "query_as_control"]]
    deliver: NotRequired[Literal["best", "last"]]
    control_job: NotRequired[Literal["together", "separate"]]
    transfer: NotRequired[Literal["best", "delta"]]
    prompts_per_round: NotRequired[int]
    plateau_window: NotRequired[int]
    min_improvement: NotRequired[int]
    prompt_cells: NotRequired[int]
    query_cells: NotRequired[int]
    datasets: NotRequired[list[str]]
    exact_labels: NotRequired[ExactLabels]
    withhold: NotRequired[Withhold | None]
    first_prompt: NotRequired[Literal["best", "worst"]]
    max_job_attempts: NotRequired[int]
    max_preemptions: NotRequired[int]
    max_transient_failures: NotRequired[int]
    max_gpu_cost_usd: NotRequired[float | None]
    job_deadline_seconds: NotRequired[int]
