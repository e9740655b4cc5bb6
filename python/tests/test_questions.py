"""From a question to its answer, against a real daemon."""

from __future__ import annotations

import os
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from conftest import KANG, SMALL, Place

import haystack

QUESTION = "How would B cells respond to IFN-beta?"


def test_a_question_is_checked_before_anything_is_spent(server: haystack.LocalHaystack) -> None:
    check = server.check(QUESTION)
    assert check.answerable and check.problem is None
    assert check.structured_query is not None and check.structured_query.perturbation.name == "Interferon beta"
    expected = server.outlook(cell_type="B cells", perturbation="IFN-beta").expected_accuracy
    assert isinstance(expected, haystack.models.ExpectedAccuracy | haystack.models.NotKnown)


def test_a_repaired_name_is_asked_back_and_no_run_is_made(server: haystack.LocalHaystack) -> None:
    before = len(server.runs())
    with pytest.raises(haystack.QuestionRefused, match="Did you mean Interferon beta by") as refused:
        server.ask("How would B cells respond to IFN-betta?", **SMALL)
    assert (refused.value.code, refused.value.retryable) == ("PERTURBATION_UNKNOWN", False)
    assert len(server.runs()) == before
    run = server.submit("How would B cells respond to IFN-betta?", accept_repairs=True, **SMALL)
    # A daemon that is busy grants it later than it answers.
    assert run.cancel().wait(progress=False).status == "cancelled"


def test_a_completed_run_gives_cells_with_their_controls(answered: haystack.Run) -> None:
    assert answered.status == "completed" and "completed, score" in repr(answered)
    adata = answered.result()
    assert isinstance(adata, anndata.AnnData)
    counts = adata.obs["perturbation"].value_counts()
    assert counts["control"] > 0 and len(counts) == 2
    assert adata.var["is_de"].dtype == bool
    values = adata.X.data
    assert np.array_equal(values, np.round(values)) and values.min() > 0
    findings = answered.findings()
    ranked = adata.var.sort_values("rank")
    assert findings.run_id == adata.uns["run_id"] == answered.id
    assert {top.gene for top in findings.top_genes} & set(ranked.index[:50])


def test_files_are_saved_whole_and_the_report_is_shown_in_a_frame(answered: haystack.Run, tmp_path) -> None:
    files = answered.download(tmp_path)
    sizes = {file.kind: file.bytes for file in answered.findings().files}
    assert {kind: path.stat().st_size for kind, path in files.items()} == sizes
    assert sorted(tmp_path.iterdir()) == sorted(files.values())
    report = answered.report(tmp_path)
    assert repr(report) == f"Report of {answered.id}: {files['report']}"
    frame = report._repr_html_()
    opening = frame[: frame.index("srcdoc=")]
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in opening
    page = frame[frame.index('srcdoc="') + len('srcdoc="') : frame.rindex('"></iframe>')]
    assert '"' not in page and "<" not in page


def test_runs_are_a_table_that_filters_narrow(answered: haystack.Run, server: haystack.LocalHaystack) -> None:
    table = server.runs(status="completed", label=["for=tests"])
    assert list(table.index) == [answered.id]
    row = table.loc[answered.id]
    assert (row["query"], row["final_score"], row["labels"]) == (QUESTION, answered.shown.final_score, {"for": "tests"})
    assert isinstance(row["created_at"], pd.Timestamp) and row["created_at"] <= row["completed_at"]
    every = server.runs()
    assert len(server.runs(limit=1)) == 1 and server.runs(limit=1).index[0] == every.index[0]
    none = server.runs(text="no question says this")
    assert len(none) == 0 and list(none.columns) == list(table.columns)
    with pytest.raises(haystack.HaystackError, match="status"):
        server.runs(status="complete")


def test_pages_of_a_list_are_joined(
    answered: haystack.Run, server: haystack.LocalHaystack, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = server.runs()
    monkeypatch.setattr("haystack.client.PAGE", 1)
    assert list(server.runs().index) == list(whole.index) and len(whole) > 1


def test_progress_says_where_a_run_is(
    place: Place,
    server: haystack.LocalHaystack,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "shown"
    os.mkfifo(pipe)
    place.model(f"after {pipe}")
    show = haystack.progress.Progress.show
    is_predicting = False

    def let_go_once_shown(self: haystack.progress.Progress, run: haystack.models.RunSummary) -> None:
        nonlocal is_predicting
        show(self, run)
        if run.current_phase == "inference" and not is_predicting:
            is_predicting = True
            pipe.write_text("")

    with monkeypatch.context() as patch:
        patch.setattr(haystack.progress.Progress, "show", let_go_once_shown)
        run = server.ask(cell_type="CD8 T cells", perturbation="IFN-beta", **SMALL)
    shown = capfd.readouterr().err
    assert "predicting" in shown and f"score {run.shown.final_score}" in shown
    last = shown.rstrip("\n").split("\r")[-1]
    assert last.startswith("completed") and "1/1 iterations" in last and "lost" not in shown
    server.run(run.id).wait(progress=False)
    assert capfd.readouterr().err == ""


def test_a_run_that_fails_says_why_and_goes_on_when_it_is_retried(place: Place, server: haystack.LocalHaystack) -> None:
    place.model("fail")
    with pytest.raises(haystack.RunFailed) as failed:
        server.ask(cell_type="CD4 T cells", perturbation="IFN-beta", progress=False, max_job_attempts=1, **SMALL)
    error = failed.value
    assert (error.code, error.retryable, error.run_id) == ("JOB_FAILED", True, error.run.id)
    assert error.run.shown.error is not None and str(error) == error.run.shown.error.message
    with pytest.raises(haystack.HaystackError) as refused:
        error.run.result()
    assert (refused.value.code, refused.value.retryable) == ("RUN_STATE_FORBIDS", False)
    assert server.runs(failed_with="JOB_FAILED").index[0] == error.run.id
    assert error.run.logs().jobs[0].attempt == 1
    place.model("predict")
    assert server.retry(error.run.id).wait(progress=False).status == "completed"


def test_an_interrupt_cancels_what_was_asked(
    place: Place, server: haystack.LocalHaystack, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.model("hold")
    show = haystack.progress.Progress.show

    def interrupt_at_inference(self: haystack.progress.Progress, run: haystack.models.RunSummary) -> None:
        show(self, run)
        if run.current_phase == "inference":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(haystack.progress.Progress, "show", interrupt_at_inference)
        with pytest.raises(KeyboardInterrupt):
            server.ask(cell_type="CD8 T cells", perturbation="IFN-beta", **SMALL)
    run = server.run(server.runs(limit=1).index[0])
    assert run.wait(progress=False).status == "cancelled"
    assert run.shown.current_phase is None


def test_a_run_that_somebody_cancels_is_no_answer(
    place: Place, server: haystack.LocalHaystack, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.model("hold")
    show = haystack.progress.Progress.show

    def cancel_at_inference(self: haystack.progress.Progress, run: haystack.models.RunSummary) -> None:
        show(self, run)
        if run.current_phase == "inference" and run.status == "running":
            server.cancel(run.run_id)

    monkeypatch.setattr(haystack.progress.Progress, "show", cancel_at_inference)
    with pytest.raises(haystack.RunCancelled, match="was cancelled and has no result"):
        server.ask(cell_type="CD8 T cells", perturbation="IFN-beta", **SMALL)


def test_what_is_not_there_is_said_so(server: haystack.LocalHaystack) -> None:
    with pytest.raises(haystack.NotFound) as missing:
        server.run("run-of/nobody")
    assert missing.value.code == "RUN_NOT_FOUND" and missing.value.run_id == "run-of/nobody"
    with pytest.raises(haystack.HaystackError, match="name both cell_type and perturbation") as refused:
        server.ask(cell_type="B cells")
    assert refused.value.code == "USAGE"


def test_validation_withholds_a_response_and_judges(server: haystack.LocalHaystack) -> None:
    asked = {"cell_type": "B cells", "perturbation": "IFN-beta", "max_iterations": 1}
    validation = server.validate(KANG, progress=False, **asked)
    targets = validation.targets
    assert list(targets["status"]) == ["judged"]
    assert (
        targets["pearson_delta"][0]
        == validation.mean["pearson_delta"]
        == pytest.approx(validation.figures["targets"][0]["pearson_delta"])
    )
    assert validation.report().html.lower().startswith("<!doctype html>")
    with pytest.raises(haystack.HaystackError) as refused:
        server.validate(KANG, cell_type="No cells", perturbation="IFN-beta", progress=False)
    assert "No cells" in str(refused.value) and not refused.value.retryable
