import { createHash } from "node:crypto";
import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import { problemOf } from "../../zod-words.ts";
import {
  newRun,
  RUN_STATUSES,
  runConfigSchema,
  runDocumentSchema,
  type RunDocument,
} from "./document.ts";
import type { InboxEvent, RunRecord, SetAside, TransitionEntry } from "./index.ts";

/**
 * Records that another program, another release or a fault of the disk left in a form that nobody
 * can host. What can be read of them is shown.
 */

/** The last millisecond of the year 9999, after which times have another form. */
export const LAST_TIME = 253_402_300_799_999;
const MOST_PROBLEMS = 5;
const LONGEST_PROBLEMS = 500;

const sentence = (problems: readonly string[]): string => {
  const told = problems.slice(0, MOST_PROBLEMS).join("; ");
  const more = problems.length - MOST_PROBLEMS;
  return `${told.slice(0, LONGEST_PROBLEMS)}${more > 0 ? `; and ${more} more` : ""}`;
};

/** Texts and numbers of a later release: this one keeps them, and shows the rest. */
const isOfLaterRelease = ({ code, path }: z.core.$ZodIssue): boolean =>
  code === "unrecognized_keys" || (path[0] === "error" && path[1] === "code");

const runIdSchema = runDocumentSchema.shape.run_id;

/** The id under which a stored run is shown, and its own where it has one that can be shown. */
export const shownId = (runId: unknown, storedId: unknown): string => {
  for (const id of [runId, textOf(storedId)]) {
    const parsed = runIdSchema.safeParse(id);
    if (parsed.success) return parsed.data;
  }
  return ownId(storedId ?? runId);
};

/** Ids of MongoDB are texts, numbers, or objects that know their text. */
const textOf = (id: unknown): string =>
  typeof id === "string"
    ? id
    : id === null || id === undefined
      ? ""
      : JSON.stringify(id).replace(/^"(.*)"$/, "$1");

/** An id that no other run has. */
export const ownId = (storedId: unknown): string =>
  `outside-${createHash("sha256").update(textOf(storedId)).digest("hex").slice(0, 24)}`;

const usable = <Shape extends z.ZodRawShape>(
  { shape }: z.ZodObject<Shape>,
  raw: Readonly<Record<string, unknown>>,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(shape).flatMap(([key, schema]) => {
      const parsed = z.safeParse(schema, raw[key]);
      return raw[key] !== undefined && parsed.success ? [[key, parsed.data]] : [];
    }),
  );

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const known: ReadonlySet<unknown> = new Set(RUN_STATUSES);
const UNKNOWN_PROBLEM = "The record of the run cannot be read: its status is none of ours.";
/** Of a run that nobody can tell how it stands. */
const UNKNOWN_STATUS = {
  status: "failed",
  termination_reason: "failed",
  error: {
    code: "RECORD_UNREADABLE",
    message: UNKNOWN_PROBLEM,
    retryable: false,
    phase: "pending",
  },
  error_message: UNKNOWN_PROBLEM,
} as const;

/** Later than any run of ours waits: another program wrote such a time. Milliseconds. */
export const FAR_MS = 60 * 86_400_000;

const FIRST_TIME = new Date(0).toISOString();
const timeSchema = runDocumentSchema.shape.created_at;

/** A time as it is stored; null for what is none. */
export const readTime = (raw: unknown): string | null => timeSchema.safeParse(raw).data ?? null;

/** The fields that can be shown; the others are as of a run that has not begun. */
function salvaged(raw: Readonly<Record<string, unknown>>, id: string): RunDocument {
  const config = isObject(raw["config"]) ? usable(runConfigSchema, raw["config"]) : {};
  const blank = newRun({
    run_id: id,
    query: "",
    user_email: null,
    config,
    random_seed: 0,
    now: Date.parse(readTime(raw["updated_at"]) ?? FIRST_TIME),
  });
  return {
    ...blank,
    ...usable(runDocumentSchema, raw),
    config: blank.config,
    run_id: id,
    ...(known.has(raw["status"]) ? {} : UNKNOWN_STATUS),
  };
}

/** Every run of ours has them: they were given their defaults when it was made. */
const SETTINGS = Object.keys(runConfigSchema.parse({}));

const missingSettings = (config: unknown): readonly string[] =>
  isObject(config) ? SETTINGS.filter((name) => config[name] === undefined) : [];

export interface ReadDocument {
  readonly document: RunDocument;
  readonly kept: RunDocument;
  readonly damage: string | null;
}

/**
 * The public part of a stored run, as it can be shown, and `kept` as it is stored. `damage` says
 * what of it cannot be read, as the end of a sentence; null where a host can work with it.
 */
export function readDocument(raw: Readonly<Record<string, unknown>>, id: string): ReadDocument {
  const kept = raw as unknown as RunDocument;
  const parsed = runDocumentSchema.safeParse(raw);
  const missing = missingSettings(raw["config"]);
  if (parsed.success && raw["run_id"] === id && missing.length === 0)
    return { document: kept, kept, damage: null };
  const issues = (parsed.error?.issues ?? []).filter((issue) => !isOfLaterRelease(issue));
  const document = salvaged(raw, id);
  const problems = issues.map((issue) => problemOf(issue, "the document"));
  problems.push(...missing.map((name) => `config.${name} is missing`));
  if (parsed.success && raw["run_id"] !== id)
    problems.push("run_id is not the one that it is stored under");
  return problems.length === 0
    ? { document, kept, damage: null }
    : { document, kept: document, damage: sentence(problems) };
}

const eventSchema = z.looseObject({ type: z.string() });

/** An event as it was given, from its stored text; undefined for what is none. */
export function readEvent(id: unknown, text: unknown): InboxEvent | undefined {
  if (typeof id !== "string" || typeof text !== "string") return undefined;
  try {
    const parsed = eventSchema.safeParse(JSON.parse(text));
    return parsed.success ? { id, event: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}

const whole = z.number().int();
const time = z.number().min(0).max(LAST_TIME);

const entrySchema = z.object({
  revision: whole,
  at: time,
  actor: z.string(),
  event: z.string(),
  from: z.string(),
  to: z.string(),
  host: z.string().exactOptional(),
});

/** An entry of the transition log; what is none is left out. */
export const isEntry = (raw: unknown): raw is TransitionEntry => entrySchema.safeParse(raw).success;

/** The parts that a host works with, beside the document and the snapshot's text. */
const privateSchema = z.object({
  snapshot: z.string().nullable(),
  machine: z.object({ id: z.string(), version: z.string() }).nullable(),
  revision: whole.min(0),
  lease: z.object({ owner: z.string(), token: whole, expires_at: time }).nullable(),
  wake_at: time.nullable(),
  outbox: z.array(
    z.object({
      key: z.string(),
      kind: z.enum(["run_completed", "run_failed", "run_cancelled"]),
      state: z.enum(["owed", "sent", "rejected"]),
      attempts: whole,
      due_at: time,
      owed_since: time.exactOptional(),
      problem: z.string().nullable(),
    }),
  ),
  priority: whole,
});

type PrivatePart = Omit<RunRecord, "document" | "inbox" | "damage" | "set_aside" | "fruitless">;
const NOTHING: PrivatePart = {
  snapshot: null,
  machine: null,
  revision: 0,
  lease: null,
  wake_at: null,
  outbox: [],
  priority: 0,
};

/** The parts that can be read; the others are as of a run that has had no commit. */
export function readPrivate(raw: Readonly<Record<keyof PrivatePart, unknown>>): {
  readonly part: PrivatePart;
  readonly damage: string | null;
} {
  const parsed = privateSchema.safeParse(raw);
  if (parsed.success) return { part: parsed.data, damage: null };
  const problems = parsed.error.issues.map((issue) => problemOf(issue));
  return {
    part: { ...NOTHING, ...usable(privateSchema, raw) },
    damage: sentence(problems),
  };
}

const setAsideSchema = z.object({
  code: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  at: time,
  was: z.string().nullable(),
});

/** What is set aside stays so whatever became of the note. */
export const readSetAside = (raw: unknown): SetAside => {
  const parsed = setAsideSchema.safeParse(raw);
  return parsed.success
    ? parsed.data
    : {
        code: "RECORD_UNREADABLE",
        message: "The run was set aside, and why can no longer be read.",
        at: 0,
        was: null,
      };
};

/** A run that was set aside is shown as failed, or, cancelled since, as cancelled. */
export function shownAside(document: RunDocument, { code, message, at }: SetAside): RunDocument {
  if (document.status === "completed") return document;
  const ended = new Date(at).toISOString();
  const base = { ...document, updated_at: ended, completed_at: document.completed_at ?? ended };
  if (document.status === "cancelled")
    return { ...base, current_phase: null, termination_reason: "cancelled" };
  return {
    ...base,
    status: "failed",
    termination_reason: "failed",
    error: { code, message, retryable: false, phase: document.current_phase ?? "pending" },
    error_message: message,
  };
}
