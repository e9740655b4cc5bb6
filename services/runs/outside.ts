import { problemOf } from "../../zod-words.ts";
import { createHash } from "node:crypto";
import { z } from "zod";
import { LAST_TIME, ownId, readDocument, shownId } from "./damage.ts";
import {
  coherentConfigSchema,
  newRun,
  RUN_STATUSES,
  runConfigSchema,
  runDocumentSchema,
  runLabelsSchema,
  runNameSchema,
  type RunDocument,
  type RunErrorRecord,
  type RunStatus,
} from "./document.ts";
import type { OutboxEntry, TransitionEntry } from "./index.ts";

/** Runs that another program inserted with some of the public fields only. */

export const outsideSchema = z.object({
  run_id: runDocumentSchema.shape.run_id.nullish(),
  status: z.enum(RUN_STATUSES).nullish(),
  query: z.string(),
  user_email: z.string().nullish(),
  name: runNameSchema.nullish(),
  labels: runLabelsSchema.nullish(),
  config: z.record(z.string(), z.unknown()).nullish(),
  control_strategy: runConfigSchema.shape.control_strategy.optional(),
  random_seed: runDocumentSchema.shape.random_seed.optional(),
});

function createdAt(raw: Readonly<Record<string, unknown>>, now: number): number {
  const given = raw["created_at"];
  const time =
    given instanceof Date
      ? given.getTime()
      : typeof given === "string"
        ? Date.parse(given)
        : Number.NaN;
  return time >= 0 && time <= LAST_TIME ? time : now;
}

/** The same run gets the same seed, however often it is looked at before its first commit. */
const seedOf = (runId: string): number =>
  createHash("sha256").update(runId).digest().readUInt32BE();

/** What such a run becomes in the store. */
export interface OutsideRun {
  /** Its `config` is as it was written, where it cannot be used. */
  readonly document: RunDocument;
  readonly outbox: readonly OutboxEntry[];
  readonly history: readonly TransitionEntry[];
}

/** Of a run that another program inserted: queued, ended by that program, or to be ended. */
const statusOf = (given: unknown): RunStatus =>
  given === "cancelled" || given === "completed" || given === "failed" ? given : "pending";

/**
 * The whole document of such a run: what is missing gets its default; without `run_id` the
 * document's `_id` names it. Values that cannot be used make it a failed run (CONFIG_INVALID) that
 * says what to correct and owes the mail of a failed run. A cancelled one stays cancelled.
 * `isTaken`: its id belongs to another run.
 */
export function completeOutsideRun(
  raw: Readonly<Record<string, unknown>>,
  now: number,
  { isTaken = false } = {},
): OutsideRun {
  const storedId = raw["_id"] ?? raw["run_id"];
  const given = outsideSchema.safeParse(raw);
  const hasUsableId = !given.error?.issues.some(({ path }) => path[0] === "run_id");
  const runId = isTaken || !hasUsableId ? ownId(storedId) : shownId(raw["run_id"], storedId);
  const base = { run_id: runId, now: createdAt(raw, now), random_seed: seedOf(runId) };
  const status = statusOf(raw["status"]);
  const config = coherentConfigSchema.safeParse({
    control_strategy: given.data?.control_strategy,
    ...given.data?.config,
  });
  const ended = new Date(now).toISOString();
  if (given.success && config.success && !isTaken) {
    const { query, user_email, name, labels, random_seed } = given.data;
    const document = newRun({
      ...base,
      query,
      user_email: user_email ?? null,
      name: name ?? undefined,
      labels: labels ?? undefined,
      config: config.data,
      random_seed: random_seed ?? base.random_seed,
    });
    const ends = status === "completed" || status === "failed" ? { completed_at: ended } : {};
    return {
      document: { ...document, ...ends, status, updated_at: ended },
      outbox: [],
      history: [],
    };
  }
  const text = (name: string): string | null => (typeof raw[name] === "string" ? raw[name] : null);
  const unusable = {
    ...newRun({ ...base, query: text("query") ?? "", user_email: text("user_email"), config: {} }),
    ...(raw["config"] === undefined ? {} : { config: raw["config"] as RunDocument["config"] }),
    updated_at: ended,
    completed_at: ended,
  };
  if (status === "cancelled")
    return {
      document: { ...unusable, status, current_phase: null, termination_reason: "cancelled" },
      outbox: [],
      history: [],
    };
  const problems = [
    ...(isTaken
      ? [`run_id ${String(raw["run_id"] ?? raw["_id"]).slice(0, 200)} belongs to another run`]
      : []),
    ...[...(given.error?.issues ?? []), ...(config.error?.issues ?? [])].map((issue) =>
      problemOf(issue, "config"),
    ),
  ];
  const error: RunErrorRecord = {
    code: "CONFIG_INVALID",
    message: `The run was inserted with invalid values: ${problems.join("; ")}; insert a new run with these corrected.`,
    retryable: false,
    phase: "pending",
  };
  const document: RunDocument = {
    ...unusable,
    status: "failed",
    termination_reason: "failed",
    error,
    error_message: error.message,
  };
  return {
    document,
    outbox: document.user_email?.includes("@") === true ? [failureMail(runId, now)] : [],
    history: [
      { revision: 0, at: now, actor: "run", event: "record.refused", from: "", to: "failed" },
    ],
  };
}

const failureMail = (runId: string, now: number): OutboxEntry => ({
  key: `${runId}.run_failed.at-0`,
  kind: "run_failed",
  state: "owed",
  attempts: 0,
  due_at: 0,
  owed_since: now,
  problem: null,
});

/** Such a run as it is shown before it is taken in. */
export function shownOutside(raw: Readonly<Record<string, unknown>>, now: number): RunDocument {
  const { document } = completeOutsideRun(raw, now);
  return readDocument({ ...document }, document.run_id).document;
}
