import { HaystackError, toHaystackError, type ErrorCode, type ErrorRecord } from "../../errors.ts";
import type { JobFailureKind, JobFailureLimits, JobRecord } from "../../machines/run-types.ts";
import type { CheckJobInput, CheckJobOutput, CheckTrouble } from "../../machines/step-types.ts";
import type { BatchService, JobHoldKind, JobStatus } from "../../services/batch/index.ts";
import { inferencePairs } from "../inference-pairs.ts";
import { OF_MACHINE, PATIENCE_MS as PATIENCE_OF_MACHINE_MS } from "../host/postponing.ts";
import { noteMove, wasMoved } from "./job-offers.ts";
import type { Effect } from "../host/step.ts";
import { checkPairs, forgetDone, noteMade } from "./made-pairs.ts";
import { pauseSince } from "./pause.ts";
import type { StepPorts } from "../ports.ts";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60_000;
const NO_FAILURES: JobFailureLimits = { transient: 0, preempted: 0, application: 0 };
/** Failures that say nothing about the prediction: the check is repeated, the job is not. */
const SAYS_NOTHING: ReadonlySet<ErrorCode> = new Set([
  "STEP_ABORTED",
  "OBJECTS_UNAVAILABLE",
  "COMPUTE_ENDED",
  "DISK_FULL",
  "TOO_MANY_FILES",
  "INTERNAL",
]);
const PAUSES = { first: 2_000, longest: 5 * 60_000 };
/** For how long a prediction that cannot be checked is tried again. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Asks Batch for the truth about one job (D8); a success counts only with a valid output file.
 * One that goes on is asked for again by news of it, of which there may be none, or at its deadline.
 * Without an answer of Batch there is no verdict, however late it is: to stop the job would need
 * Batch too. A prediction that was paid for waits for the object store until the deadline at least,
 * and for this machine as long as other steps do; a check that breaks by itself would break again,
 * and ends sooner.
 */
export function checkJob({
  batch,
  clock,
  compute,
  foundPredictions,
  objects,
  runs,
}: StepPorts): Effect<CheckJobInput, CheckJobOutput> {
  return async (input, { signal }) => {
    const { job, prepared, failures = NO_FAILURES, run_id } = input;
    const { submitted_at, deadline_at, trouble } = input;
    const checkLater = ({
      code,
      message,
    }: HaystackError): CheckJobOutput & {
      readonly verdict: "waiting";
      readonly trouble: CheckTrouble;
    } => {
      const now = clock.now();
      const since = trouble?.code === code ? trouble.since : now;
      return {
        verdict: "waiting",
        now,
        check_at: now + pauseSince(since, now, PAUSES),
        trouble: { code, message, since },
      };
    };
    let status: JobStatus | undefined;
    try {
      status = await batch.get(job.job_id, signal, job.offer ?? undefined);
    } catch (thrown) {
      signal.throwIfAborted();
      return checkLater(toHaystackError(thrown));
    }
    const now = clock.now();
    const failed = (kind: JobFailureKind, error: ErrorRecord): CheckJobOutput => ({
      verdict: "failed",
      kind,
      error,
      retry_at: now + retryPause(failures),
      run_seconds: status?.run_seconds ?? null,
      ...(status?.shortage === true ? { shortage: true } : {}),
    });
    const isAbsent = status === undefined && now >= submitted_at + batch.notFoundGraceMs;
    if (isAbsent)
      return failed(
        "transient",
        new HaystackError(
          "JOB_FAILED",
          `Batch does not know the job ${job.job_id}; look for it in Batch, or cancel the run.`,
        ).toRecord(),
      );
    switch (status?.state) {
      case "SUCCEEDED": {
        const pairs = inferencePairs({ ...input, ...job }, prepared?.found);
        try {
          const outputs = await checkPairs({ compute, objects }, pairs, signal);
          await noteMade(
            { run_id, job, prepared: prepared ?? null },
            outputs,
            foundPredictions,
            signal,
          );
          return { verdict: "succeeded", outputs, run_seconds: status.run_seconds ?? null };
        } catch (thrown) {
          signal.throwIfAborted();
          const error = toHaystackError(thrown);
          if (!SAYS_NOTHING.has(error.code)) {
            const message = `${error.message}${await forgetDone(objects, pairs, signal)}`;
            return failed("application", {
              ...error.toRecord(),
              code: "PREDICTION_INVALID",
              message,
            });
          }
          const later = checkLater(error);
          const { code, since } = later.trouble;
          const patience = OF_MACHINE.has(code) ? PATIENCE_OF_MACHINE_MS : PATIENCE_MS;
          const giveUpAt =
            code === "INTERNAL" ? since + patience : Math.max(deadline_at, since + patience);
          if (later.now < giveUpAt)
            return { ...later, check_at: Math.min(later.check_at, giveUpAt) };
          return failed("application", {
            code,
            message: `The prediction of the job ${job.job_id} could not be checked for ${minutes(later.now - since)} minutes: ${error.message}`,
            retryable: false,
          });
        }
      }
      case "FAILED":
        return failed(status.failure?.kind ?? "application", failureOf(status, failures));
      case "CANCELLED":
        if (job.offer !== null && (await wasMoved(runs, run_id, job.job_id)))
          return {
            verdict: "failed",
            kind: "transient",
            moves_on: true,
            error: new HaystackError(
              "JOB_FAILED",
              `The job ${job.job_id} found no machine (${job.offer.machine}, ${job.offer.provisioning}); it is submitted again with the next offer.`,
            ).toRecord(),
            retry_at: now + retryPause(failures),
            run_seconds: status.run_seconds ?? null,
          };
        if (status.shortage === true)
          return failed(
            "transient",
            new HaystackError(
              "JOB_FAILED",
              `The job ${job.job_id} was cancelled before it had a machine; it is submitted again.`,
            ).toRecord(),
          );
        return failed("application", {
          code: "JOB_FAILED",
          message: `The job ${job.job_id} was cancelled outside of this run.`,
          retryable: false,
        });
      default: {
        const until = runsUntil(status, submitted_at, deadline_at);
        if (now >= until) {
          return {
            verdict: "overdue",
            error: new HaystackError(
              "JOB_DEADLINE_PASSED",
              status?.held === undefined
                ? `The job ${job.job_id} did not finish before its deadline; check quota and queue, then retry the run.`
                : `The job ${job.job_id} got no machine before its deadline: ${status.held.reason}`,
            ).toRecord(),
          };
        }
        const moveAt = movesAt(batch, job, status, submitted_at);
        if (now >= moveAt) {
          await noteMove(runs, run_id, job.job_id);
          try {
            await batch.cancel(job.job_id, signal, job.offer ?? undefined);
          } catch (thrown) {
            signal.throwIfAborted();
            return checkLater(toHaystackError(thrown));
          }
        }
        const next = now >= moveAt ? now + STOPPING_MS : moveAt;
        return {
          verdict: "waiting",
          now,
          check_at: Math.min(
            until,
            status === undefined ? submitted_at + batch.notFoundGraceMs : next,
          ),
          ...(status === undefined ? {} : { held: status.held ?? null }),
        };
      }
    }
  };
}

/**
 * A job may wait for its machine for as long as it may run then; both are the time from hand-over to
 * deadline. Milliseconds.
 */
const runsUntil = (
  status: JobStatus | undefined,
  submittedAt: number,
  deadlineAt: number,
): number =>
  status?.state === "RUNNING" && status.started_at !== undefined
    ? Math.max(deadlineAt, status.started_at + (deadlineAt - submittedAt))
    : deadlineAt;

/** For want of these a job may be moved to another machine; a missing role stays missing. */
const MAY_BE_ELSEWHERE: ReadonlySet<JobHoldKind> = new Set(["capacity", "quota"]);
/** A job that is being stopped is looked at again after this. */
const STOPPING_MS = 60_000;

/**
 * When a job that has no machine is stopped, so that its next attempt gets the next offer; infinity
 * where it is left to wait. Two attempts are never there together: the next is made when this one
 * has ended.
 */
function movesAt(
  batch: BatchService,
  { offer }: JobRecord,
  status: JobStatus | undefined,
  submittedAt: number,
): number {
  const after =
    offer !== null && status?.held !== undefined && MAY_BE_ELSEWHERE.has(status.held.kind)
      ? batch.moveAfterMs?.(offer)
      : undefined;
  return after === undefined ? Number.POSITIVE_INFINITY : submittedAt + after;
}

const minutes = (milliseconds: number): number => Math.round(milliseconds / 60_000);

/** Doubles with every failure before this one. */
const retryPause = ({ transient, preempted, application }: JobFailureLimits): number =>
  Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (transient + preempted + application));

function failureOf({ job_id, failure }: JobStatus, { application }: JobFailureLimits): ErrorRecord {
  const reason = failure?.reason ?? "no reason was given";
  const message = `The inference job ${job_id} failed: ${reason}`;
  switch (failure?.kind) {
    case "preempted":
      return new HaystackError("JOB_PREEMPTED", message).toRecord();
    case "over_time":
      return new HaystackError("JOB_OVER_TIME", message).toRecord();
    default: {
      const isWorthAnother =
        failure?.repeats === undefined || (failure.repeats === "once" && application === 0);
      return { ...new HaystackError("JOB_FAILED", message).toRecord(), retryable: isWorthAnother };
    }
  }
}
