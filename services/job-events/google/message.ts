import { JOB_ID, type JobState } from "../../batch/index.ts";
import type { JobChanged } from "../index.ts";

export type IgnoredReason = "task_event" | "not_a_job_event" | "unknown_job_name" | "unknown_state";

/** States as notifications name them. A job that is being deleted is a cancelled one on its way. */
const STATES: Readonly<Record<string, JobState>> = {
  QUEUED: "QUEUED",
  SCHEDULED: "SCHEDULED",
  RUNNING: "RUNNING",
  SUCCEEDED: "SUCCEEDED",
  FAILED: "FAILED",
  CANCELLATION_IN_PROGRESS: "CANCELLATION_IN_PROGRESS",
  DELETION_IN_PROGRESS: "CANCELLATION_IN_PROGRESS",
  CANCELLED: "CANCELLED",
};

/**
 * The job event that a notification of Google Batch tells, from its attributes alone: its body is
 * text for people. `JobName` is a resource name whose last part is the job id; its project may be
 * given by number.
 */
export function readJobMessage(
  id: string,
  attributes: Readonly<Record<string, string>>,
): { readonly event: JobChanged } | { readonly ignored: IgnoredReason } {
  const { Type: type, JobName: jobName, NewJobState: newState } = attributes;
  if (type === "TASK_STATE_CHANGED") return { ignored: "task_event" };
  if (
    (type !== undefined && type !== "JOB_STATE_CHANGED") ||
    jobName === undefined ||
    newState === undefined
  )
    return { ignored: "not_a_job_event" };
  const jobId = jobName.slice(jobName.lastIndexOf("/") + 1);
  if (!JOB_ID.test(jobId)) return { ignored: "unknown_job_name" };
  const state = Object.hasOwn(STATES, newState) ? STATES[newState] : undefined;
  if (state === undefined) return { ignored: "unknown_state" };
  return { event: { event_id: `${jobId}.${state.toLowerCase()}.${id}`, job_id: jobId, state } };
}
