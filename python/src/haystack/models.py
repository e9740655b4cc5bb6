"""What the HTTP API tells, from its OpenAPI document. Made by `npm run python:models`, not by hand."""

from __future__ import annotations

from typing import Any, Literal

from .base import Answer
from pydantic import AwareDatetime
from typing_extensions import TypeAliasType


class DidYouMeanItem(Answer):
    field: Literal["cell_type", "perturbation"]
    text: str
    """
    As the question writes it
    """
    names: list[str]
    """
    What could be meant, the nearest first
    """


class CellType(Answer):
    name: str
    cell_ontology_id: str | None
    synonyms: list[str] | None = None
    matched_text: str
    match: Literal["exact", "synonym", "spelling", "atlas_label"]
    atlas_labels: list[str]


class CombinationItem(Answer):
    id: str | None
    name: str
    kind: Literal["drug", "cytokine", "genetic", "environment", "pathogen", "unknown"]


class Perturbation(Answer):
    id: str | None
    name: str
    kind: Literal["drug", "cytokine", "genetic", "environment", "pathogen", "unknown"]
    external_ids: dict[str, str]
    matched_text: str
    match: Literal["exact", "synonym", "spelling", "atlas_label"]
    atlas_labels: list[str]
    targets: list[str]
    combination: list[CombinationItem] | None = None


class ExpectedTarget(Answer):
    gene: str
    direction: Literal["up", "down"]
    source: str


class ExpectedPathway(Answer):
    id: str
    name: str
    direction: Literal["up", "down"]
    source: str


class LiteratureContextItem(Answer):
    pmid: str
    title: str
    year: int | None


class Ambiguity(Answer):
    field: Literal["cell_type", "perturbation", "dose", "time", "tissue", "donor"]
    text: str
    chosen: str
    alternatives: list[str]


class Chose(Answer):
    column: str
    values: list[str]


class ContextItem(Answer):
    kind: Literal["species", "tissue", "disease", "donor_group", "background", "marker"]
    text: str
    name: str
    id: str | None
    chose: Chose | Literal["cell_type"] | None
    held: list[str] | None = None


class MeasuredAnswer(Answer):
    cells: int
    donors: int


class Contradicted(Answer):
    genes: list[str]
    of: int
    p_value: float
    cell_types: list[str]


class ControlStrategyFallback(Answer):
    requested: Literal["synthetic_control", "query_as_control"]
    effective: Literal["synthetic_control", "query_as_control"]
    reason: str


class StructuredQuery(Answer):
    task_type: Literal["perturbational"]
    cell_type: CellType
    perturbation: Perturbation
    expected_targets: list[ExpectedTarget]
    expected_pathways: list[ExpectedPathway]
    dose: str | None
    time: str | None
    tissue: str | None
    donor: str | None
    literature_context: list[LiteratureContextItem] | None = None
    literature_problem: str | None = None
    ambiguities: list[Ambiguity]
    context: list[ContextItem] | None = None
    not_used: list[Literal["dose", "time", "tissue", "donor"]] | None = None
    measured_answer: MeasuredAnswer | None = None
    contradicted: Contradicted | None = None
    control_strategy_fallback: ControlStrategyFallback | None
    understood_by: Literal["rules", "language_model", "labels"]
    model_problem: str | None = None


class Prompt(Answer):
    strategy: Literal["direct", "mechanistic", "semantic", "ontology"]
    rationale: str
    prompt_cells: int
    query_cells: int
    stand_in: str | None = None
    """
    That another perturbation stands in for the asked one; absent where none does
    """


class ExpectedAccuracy(Answer):
    known: Literal[True]
    pearson: float
    low: float
    high: float
    left_out: Literal["cell types", "donors"]
    responses: int


class NotKnown(Answer):
    known: Literal[False]
    reason: str


class QuestionOutlook(Answer):
    expected_accuracy: ExpectedAccuracy | NotKnown | None
    """
    Null where the question cannot be answered; a check says why
    """
    expected_accuracy_in_words: str | None


class Minutes(Answer):
    low: float
    likely: float
    high: float


class RunEstimate(Answer):
    minutes: Minutes | None
    """
    From admission to the delivered files; null where nothing tells it
    """
    usd: Minutes | None
    """
    US dollars of GPU jobs, and of the language model where it is included; 0 where nothing is paid for, null where what predicts has no price
    """
    language_model: Literal["none", "included", "not_known"]
    """
    Whether usd holds what the language model costs
    """
    rests_on: Literal["assumptions", "measured_runs"] | None
    """
    What the times are from: completed runs of this deployment once there are some
    """
    runs: int
    """
    How many completed runs it rests on
    """
    in_words: str


class ExactLabels(Answer):
    cell_type: str
    perturbation: str


class Withhold(Answer):
    cell_type: str
    perturbation: str
    donor: str | None = None
    what: list[Literal["cell-type", "donor", "perturbation"]] | None = None
    split_seed: int | None = None


class Config(Answer):
    max_iterations: int
    score_threshold: int
    control_strategy: Literal["synthetic_control", "query_as_control"]
    deliver: Literal["best", "last"]
    control_job: Literal["together", "separate"] | None = None
    transfer: Literal["best", "delta"] | None = None
    prompts_per_round: int | None = None
    plateau_window: int
    min_improvement: int
    prompt_cells: int
    query_cells: int
    datasets: list[str]
    exact_labels: ExactLabels | None = None
    withhold: Withhold | None
    first_prompt: Literal["best", "worst"]
    max_job_attempts: int
    max_preemptions: int
    max_transient_failures: int
    max_gpu_cost_usd: float | None
    job_deadline_seconds: int


class Atlas(Answer):
    dataset: str
    simulated: bool


class HeldJob(Answer):
    job_id: str
    kind: Literal["capacity", "quota", "permission", "invalid", "other"]
    reason: str
    since: AwareDatetime


class ScoreScale(Answer):
    known: Literal[True]
    measured: list[float]
    nonsense: float
    least: float
    usual: float
    apart: bool


class DeltaTransfer(Answer):
    kind: Literal["delta"]
    reason: str


class LearnedTransfer(Answer):
    kind: Literal["learned"]
    coefficients: list[float]
    left_out: int
    mse_ratio: float
    pearson_gain: float
    most_lost: float


class TriedPrompt(Answer):
    candidate_id: str
    prompt_strategy: Literal["direct", "mechanistic", "semantic", "ontology"]
    prompt_rationale: str
    prompt_cells: int
    score: int
    raw_score: int | None = None
    scale: ScoreScale | NotKnown | None = None
    component_scores: dict[str, float | None]
    confidence: Literal["normal", "lower"]
    verdict: str | None = None
    reading: str | None = None
    stand_in: str | None = None
    pooled: list[str] | None = None
    transfer: DeltaTransfer | LearnedTransfer | None = None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    feedback: list[str]
    prediction: str
    control: str | None


class Mixture(Answer):
    predictions: list[str]
    alone: ExpectedAccuracy | NotKnown


class Model(Answer):
    name: str
    is_baseline: bool


class FoundPrediction(Answer):
    prediction: str
    run_id: str
    iteration: int


class ModelProblem(Answer):
    role: Literal["question", "likeness", "prompt", "judgement"]
    problem: str


class Outlook(Answer):
    accuracy_may_improve: bool
    score_may_improve: bool
    measured_scores: list[float]


class TopGene(Answer):
    gene: str
    log2_fold_change: float


class EnrichedPathway(Answer):
    id: str
    name: str
    direction: Literal["up", "down"]
    p_adjusted: float
    url: str | None = None


class Iteration(Answer):
    candidate_id: str
    prompt_strategy: Literal["direct", "mechanistic", "semantic", "ontology"]
    prompt_rationale: str
    prompt_cells: int
    score: int
    raw_score: int | None = None
    scale: ScoreScale | NotKnown | None = None
    component_scores: dict[str, float | None]
    confidence: Literal["normal", "lower"]
    verdict: str | None = None
    reading: str | None = None
    stand_in: str | None = None
    pooled: list[str] | None = None
    transfer: DeltaTransfer | LearnedTransfer | None = None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    feedback: list[str]
    iteration: int
    query_cells: int
    prompts: list[TriedPrompt] | None = None
    mixture: Mixture | None = None
    model: Model | None = None
    found_predictions: list[FoundPrediction] | None = None
    model_problems: list[ModelProblem] | None = None
    outlook: Outlook | None = None
    top_genes: list[TopGene]
    enriched_pathways: list[EnrichedPathway]


class Usage(Answer):
    gpu_seconds: float
    gpu_cost_usd: float
    gpu_reserved_usd: float | None = None
    llm_tokens: int
    llm_cost_usd: float


class RestsOnItem(Answer):
    title: str
    text: str
    caution: bool
    """
    Must be known before the answer is used
    """


class Offer(Answer):
    machine: str
    """
    With its accelerators
    """
    provisioning: Literal["SPOT", "STANDARD", "FLEX_START"]
    usd_per_hour: float
    region: str | None = None


class Job(Answer):
    job_id: str
    iteration: int
    kind: Literal["prediction", "control", "round"]
    attempt: int
    state: str
    run_seconds: float | None
    cost_usd: float
    problem: str | None
    failure: Literal["transient", "preempted", "application", "over_time"] | None = None
    """
    Why the attempt failed
    """
    offer: Offer | None = None
    """
    What it runs on, and its price; null where nothing is paid for
    """


class RunSummary(Answer):
    run_id: str
    user_email: str | None
    query: str
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    current_phase: (
        Literal[
            "pending",
            "query_analysis",
            "prompt_generation",
            "inference",
            "evaluation",
            "output_generation",
        ]
        | None
    )
    current_iteration: int
    held_jobs: list[HeldJob] | None = None
    grounding_scores: list[int]
    final_score: int | None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    termination_reason: (
        Literal[
            "converged",
            "max_iterations",
            "plateau",
            "no_expected_gain",
            "cancelled",
            "failed",
        ]
        | None
    )
    error_message: str | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    updated_at: AwareDatetime
    completed_at: AwareDatetime | None


class ListedRun(Answer):
    run_id: str
    user_email: str | None
    query: str
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    current_phase: (
        Literal[
            "pending",
            "query_analysis",
            "prompt_generation",
            "inference",
            "evaluation",
            "output_generation",
        ]
        | None
    )
    current_iteration: int
    held_jobs: list[HeldJob] | None = None
    grounding_scores: list[int]
    final_score: int | None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    termination_reason: (
        Literal[
            "converged",
            "max_iterations",
            "plateau",
            "no_expected_gain",
            "cancelled",
            "failed",
        ]
        | None
    )
    error_message: str | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    updated_at: AwareDatetime
    completed_at: AwareDatetime | None
    is_judged: bool | None = None
    """
    False where no component of the score could be measured: it says nothing
    """
    name: str | None = None
    labels: dict[str, str] | None = None
    usage: Usage | None = None
    interrupted: bool
    """
    It has work to do, and nobody hosts it
    """


class File(Answer):
    name: str
    kind: Literal["anndata", "report", "findings", "log"]
    content_type: str
    bytes: int | None
    """
    Null if the file no longer exists
    """
    url: str
    """
    Download address: a path on this server, or a signed link
    """
    expires_at: AwareDatetime | None
    """
    When a signed link expires; null for a path on this server
    """


class RunResult(Answer):
    run_id: str
    query: str
    structured_query: StructuredQuery | None
    control_strategy_effective: Literal["synthetic_control", "query_as_control"] | None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    termination_reason: (
        Literal[
            "converged",
            "max_iterations",
            "plateau",
            "no_expected_gain",
            "cancelled",
            "failed",
        ]
        | None
    )
    final_score: int | None
    delivered_iteration: int | None
    usage: Usage
    expected_accuracy_in_words: str | None
    raw_score: int | None = None
    scale: ScoreScale | NotKnown | None = None
    transfer: DeltaTransfer | LearnedTransfer | None = None
    component_scores: dict[str, float | None]
    confidence: Literal["normal", "lower"]
    verdict: str | None = None
    reading: str | None = None
    feedback: list[str]
    prompt_strategy: Literal["direct", "mechanistic", "semantic", "ontology"]
    prompt_rationale: str
    top_genes: list[TopGene]
    enriched_pathways: list[EnrichedPathway]
    rests_on: list[RestsOnItem]
    """
    What the answer rests on, as far as it is known, in the order to read it
    """
    files: list[File]


class JobOutput(Answer):
    job_id: str
    iteration: int
    kind: Literal["prediction", "control", "round"]
    attempt: int
    state: str
    problem: str | None
    output: str | None
    """
    stdout and stderr; null where it is elsewhere
    """
    elsewhere: str | None
    """
    Where else to look, or why there is nothing
    """


class JobOutputs(Answer):
    run_id: str
    jobs: list[JobOutput]


class Software(Answer):
    name: str
    version: str


class Session(Answer):
    owner: str | None
    """
    E-mail; null under AUTH=none, where nobody signs in
    """
    role: Literal["user", "admin"]
    software: Software


ErrorCode = TypeAliasType(
    "ErrorCode",
    Literal[
        "FILE_NOT_FOUND",
        "FILE_NOT_HDF5",
        "FILE_DAMAGED",
        "ANNDATA_UNSUPPORTED",
        "ANNDATA_INVALID",
        "COUNTS_INVALID",
        "COLUMN_NOT_FOUND",
        "PERTURBATION_COLUMN_MISSING",
        "GENES_DUPLICATED",
        "GROUP_EMPTY",
        "CONTROL_LABEL_MISSING",
        "ATLAS_NOT_FOUND",
        "ATLAS_EXISTS",
        "UPLOAD_NOT_FOUND",
        "UPLOAD_STATE_FORBIDS",
        "KNOWLEDGE_INVALID",
        "KNOWLEDGE_UNAVAILABLE",
        "QUESTION_EMPTY",
        "QUESTION_TOO_LONG",
        "QUESTION_NOT_UNDERSTOOD",
        "CELL_TYPE_UNKNOWN",
        "PERTURBATION_UNKNOWN",
        "CELL_TYPE_NOT_IN_ATLAS",
        "NO_PROMPT_CELLS",
        "RUN_NOT_FOUND",
        "RUN_EXISTS",
        "IDEMPOTENCY_KEY_REUSED",
        "RUN_STATE_FORBIDS",
        "CONFIG_INVALID",
        "USAGE",
        "LIMIT_EXCEEDED",
        "QUOTA_REACHED",
        "COMMIT_CONFLICT",
        "LEASE_LOST",
        "STORE_UNAVAILABLE",
        "STORE_LOCKED",
        "STORE_VERSION_UNKNOWN",
        "STORE_DAMAGED",
        "SNAPSHOT_TOO_LARGE",
        "MACHINE_VERSION_UNKNOWN",
        "RECORD_UNREADABLE",
        "RECORD_REFUSED",
        "RUN_ENDS_PROCESS",
        "JOB_FAILED",
        "JOB_PREEMPTED",
        "JOB_OVER_TIME",
        "JOB_DEADLINE_PASSED",
        "JOB_NOT_OURS",
        "GPU_BUDGET_SPENT",
        "PREDICTION_INVALID",
        "INFERENCE_COMMAND_INVALID",
        "BATCH_UNAVAILABLE",
        "JOB_EVENTS_UNAVAILABLE",
        "BATCH_QUOTA",
        "BATCH_REFUSED",
        "OBJECT_NOT_FOUND",
        "OBJECT_PATH_INVALID",
        "OBJECT_DAMAGED",
        "OBJECTS_UNAVAILABLE",
        "MAIL_REJECTED",
        "MAIL_UNAVAILABLE",
        "MAIL_NOT_FOUND",
        "ARCHIVE_FAILED",
        "ARCHIVE_INVALID",
        "ARCHIVE_UNSUPPORTED",
        "FOLDER_OCCUPIED",
        "RESTORE_UNFINISHED",
        "MODEL_REFUSED",
        "MODEL_OUTPUT_INVALID",
        "MODEL_LIMIT",
        "MODEL_UNAVAILABLE",
        "MODEL_RETIRED",
        "TRACES_UNAVAILABLE",
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "IDENTITY_UNAVAILABLE",
        "TOKEN_NOT_FOUND",
        "ROUTE_NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "NOT_ACCEPTABLE",
        "PRECONDITION_FAILED",
        "RANGE_UNSATISFIABLE",
        "REQUEST_TOO_SLOW",
        "REQUEST_TOO_LARGE",
        "MEDIA_TYPE_UNSUPPORTED",
        "RATE_LIMITED",
        "TOO_MANY_STREAMS",
        "NOT_READY",
        "SERVER_UNREACHABLE",
        "SERVER_NOT_UNDERSTOOD",
        "COMPUTE_OVER_TIME",
        "COMPUTE_OVER_MEMORY",
        "COMPUTE_ENDED",
        "DISK_FULL",
        "TOO_MANY_FILES",
        "STEP_ABORTED",
        "INTERNAL",
    ],
)


class Problem(Answer):
    error: ErrorCode
    message: str
    details: dict[str, Any] | None = None


class QuestionCheck(Answer):
    answerable: bool
    """
    False too where a name was repaired: ask again with the name that is meant
    """
    did_you_mean: list[DidYouMeanItem]
    """
    A run goes on where one name alone is near, and says so
    """
    read_by: Literal["rules", "language_model", "labels"]
    """
    What interpreted the question for this check: the rules, because a language model costs money
    """
    read_in_run_by: Literal["rules", "language_model", "labels"]
    """
    What interprets it first in a run: the language model if one is configured
    """
    structured_query: StructuredQuery | None
    """
    Null if the rules cannot interpret the question; the language model of a run still may
    """
    control_strategy_effective: Literal["synthetic_control", "query_as_control"] | None
    control_cells_available: bool | None
    prompt: Prompt | None
    """
    The cells that the first iteration would show the model
    """
    estimate: RunEstimate | None = None
    """
    What a run of it will take; null where the question cannot be answered. Servers of earlier releases do not say
    """
    problem: Problem | None


class RunError(Answer):
    code: ErrorCode
    message: str
    retryable: bool
    phase: Literal[
        "pending",
        "query_analysis",
        "prompt_generation",
        "inference",
        "evaluation",
        "output_generation",
    ]


class Postponed(Answer):
    step: str
    code: ErrorCode
    message: str
    since: AwareDatetime
    try_at: AwareDatetime


class Run(Answer):
    run_id: str
    user_email: str | None
    query: str
    name: str | None = None
    labels: dict[str, str] | None = None
    config: Config
    random_seed: int
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    current_phase: (
        Literal[
            "pending",
            "query_analysis",
            "prompt_generation",
            "inference",
            "evaluation",
            "output_generation",
        ]
        | None
    )
    current_iteration: int
    structured_query: StructuredQuery | None
    control_strategy: Literal["synthetic_control", "query_as_control"]
    control_strategy_effective: Literal["synthetic_control", "query_as_control"] | None
    control_cells_available: bool | None
    atlases: list[Atlas] | None = None
    held_jobs: list[HeldJob] | None = None
    grounding_scores: list[int]
    iterations: list[Iteration]
    delivered_iteration: int | None
    final_score: int | None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    termination_reason: (
        Literal[
            "converged",
            "max_iterations",
            "plateau",
            "no_expected_gain",
            "cancelled",
            "failed",
        ]
        | None
    )
    error: RunError | None
    error_message: str | None
    output_anndata_path: str | None
    output_report_path: str | None
    output_log_path: str | None
    usage: Usage
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    updated_at: AwareDatetime
    completed_at: AwareDatetime | None
    postponed: Postponed | None = None
    pruned_at: AwareDatetime | None = None
    rests_on: list[RestsOnItem]
    """
    What the answer rests on, as far as it is known, in the order to read it
    """


class RunStatus(Answer):
    run_id: str
    user_email: str | None
    query: str
    name: str | None = None
    labels: dict[str, str] | None = None
    config: Config
    random_seed: int
    status: Literal["pending", "running", "completed", "failed", "cancelled"]
    current_phase: (
        Literal[
            "pending",
            "query_analysis",
            "prompt_generation",
            "inference",
            "evaluation",
            "output_generation",
        ]
        | None
    )
    current_iteration: int
    structured_query: StructuredQuery | None
    control_strategy: Literal["synthetic_control", "query_as_control"]
    control_strategy_effective: Literal["synthetic_control", "query_as_control"] | None
    control_cells_available: bool | None
    atlases: list[Atlas] | None = None
    held_jobs: list[HeldJob] | None = None
    grounding_scores: list[int]
    iterations: list[Iteration]
    delivered_iteration: int | None
    final_score: int | None
    expected_accuracy: ExpectedAccuracy | NotKnown | None = None
    termination_reason: (
        Literal[
            "converged",
            "max_iterations",
            "plateau",
            "no_expected_gain",
            "cancelled",
            "failed",
        ]
        | None
    )
    error: RunError | None
    error_message: str | None
    output_anndata_path: str | None
    output_report_path: str | None
    output_log_path: str | None
    usage: Usage
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    updated_at: AwareDatetime
    completed_at: AwareDatetime | None
    postponed: Postponed | None = None
    pruned_at: AwareDatetime | None = None
    rests_on: list[RestsOnItem]
    """
    What the answer rests on, as far as it is known, in the order to read it
    """
    interrupted: bool
    """
    It has work to do, and nobody hosts it
    """
    shared_with_you: bool | None = None
    """
    The run is somebody else's, who lets you read it; servers of earlier releases do not tell it
    """
    shared_with: list[str] | None = None
    """
    Who else may read it; told to its owner and to administrators
    """
    waits_for: str | None
    """
    Null at rest
    """
    waits_until: AwareDatetime | None = None
    """
    Until when the present attempts at its jobs may take: one without a machine by then is given up, one that got its machine late may run on for its whole time, and a further attempt has a time of its own. Null where there is no such time; servers of earlier releases do not tell it
    """
    hosted_by: str | None = None
    """
    The daemon that has it; null without one; servers of earlier releases do not tell it
    """
    jobs: list[Job]
    """
    Every attempt at its inference jobs
    """


class Error(Answer):
    error: ErrorCode
    error_type: Literal["client", "server", "upstream"]
    message: str
    details: dict[str, Any] | None = None
    run_id: str | None = None


# The codes of errors after which doing the same again later may succeed.
RETRYABLE: frozenset[str] = frozenset(
    [
        "KNOWLEDGE_UNAVAILABLE",
        "QUOTA_REACHED",
        "STORE_UNAVAILABLE",
        "JOB_FAILED",
        "JOB_PREEMPTED",
        "JOB_DEADLINE_PASSED",
        "BATCH_UNAVAILABLE",
        "JOB_EVENTS_UNAVAILABLE",
        "BATCH_QUOTA",
        "OBJECT_NOT_FOUND",
        "OBJECT_DAMAGED",
        "OBJECTS_UNAVAILABLE",
        "MAIL_UNAVAILABLE",
        "ARCHIVE_FAILED",
        "MODEL_UNAVAILABLE",
        "TRACES_UNAVAILABLE",
        "IDENTITY_UNAVAILABLE",
        "REQUEST_TOO_SLOW",
        "RATE_LIMITED",
        "TOO_MANY_STREAMS",
        "NOT_READY",
        "SERVER_UNREACHABLE",
        "COMPUTE_ENDED",
        "DISK_FULL",
        "TOO_MANY_FILES",
        "STEP_ABORTED",
        "INTERNAL",
    ]
)
