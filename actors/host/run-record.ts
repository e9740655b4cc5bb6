import type { StateValue } from "xstate";
import type { ErrorRecord } from "../../errors.ts";
import { given } from "../../given.ts";
import type { RunContext } from "../../machines/run-types.ts";
import { runView } from "../../machines/run-view.ts";
import type { Postponement, RunDocument, Usage } from "../../services/runs/document.ts";
import type { OutboxEntry } from "../../services/runs/index.ts";

/** How a machine state becomes the stored run. Plain functions. */

let newest = { ms: 0, text: new Date(0).toISOString() };

/** Many runs are written at the same millisecond. */
function iso(ms: number): string {
  if (newest.ms !== ms) newest = { ms, text: new Date(ms).toISOString() };
  return newest.text;
}

export const hasEnded = ({ status }: Pick<RunDocument, "status">): boolean =>
  status === "completed" || status === "failed" || status === "cancelled";

const dated = (before: RunDocument, after: RunDocument, now: number): RunDocument => ({
  ...after,
  started_at: before.started_at ?? (after.status === "running" ? iso(now) : null),
  updated_at: iso(now),
  completed_at: hasEnded(after) ? (before.completed_at ?? iso(now)) : null,
});

export interface MachineState {
  readonly value: StateValue;
  readonly context: RunContext;
}

export const documentOf = (
  { postponed: _, ...before }: RunDocument,
  { value, context }: MachineState,
  {
    usage,
    postponed,
    now,
  }: {
    readonly usage: Usage;
    readonly postponed: Postponement | undefined;
    readonly now: number;
  },
): RunDocument => {
  const view = runView(value, context);
  const waits = view.status === "running" ? given({ postponed }) : {};
  return dated(before, { ...before, ...view, usage, ...waits }, now);
};

/**
 * The document of a run whose machine cannot go on: its snapshot stays as it is, the run is shown
 * as failed.
 */
export const documentOfBroken = (
  { postponed: _, ...before }: RunDocument,
  error: ErrorRecord,
  now: number,
): RunDocument =>
  dated(
    before,
    {
      ...before,
      status: "failed",
      termination_reason: "failed",
      error: { ...error, phase: before.current_phase ?? "pending" },
      error_message: error.message,
    },
    now,
  );

const hasAddress = ({ user_email }: RunDocument): boolean => user_email?.includes("@") === true;

const owed = (key: string, kind: OutboxEntry["kind"], now: number): OutboxEntry => ({
  key,
  kind,
  state: "owed",
  attempts: 0,
  due_at: 0,
  owed_since: now,
  problem: null,
});

/** The outbox with every mail that the machine owes; without an address no mail is owed. */
export function outboxOf(
  before: readonly OutboxEntry[],
  document: RunDocument,
  mails: RunContext["mails"],
  now: number,
): readonly OutboxEntry[] {
  const known = new Set(before.map(({ key }) => key));
  const added = !hasAddress(document) ? [] : mails.filter(({ key }) => !known.has(key));
  return added.length === 0
    ? before
    : [...before, ...added.map(({ key, kind }) => owed(key, kind, now))];
}

export function outboxOfBroken(
  before: readonly OutboxEntry[],
  document: RunDocument,
  revision: number,
  now: number,
): readonly OutboxEntry[] {
  const key = `${document.run_id}.run_failed.at-${revision}`;
  const isOwed = document.status === "failed" || before.some((entry) => entry.key === key);
  return !hasAddress(document) || isOwed ? before : [...before, owed(key, "run_failed", now)];
}

/** The outbox with one of its mails owed again, from now on. */
export const oweAgain = (
  outbox: readonly OutboxEntry[],
  key: string,
  now: number,
): readonly OutboxEntry[] =>
  outbox.map((entry) =>
    entry.key === key
      ? { ...entry, state: "owed", attempts: 0, due_at: now, owed_since: now, problem: null }
      : entry,
  );

/** When the next owed mail is due; null when none is owed. */
export function mailDueAt(outbox: readonly OutboxEntry[]): number | null {
  const due = outbox.filter(({ state }) => state === "owed").map(({ due_at }) => due_at);
  return due.length === 0 ? null : Math.min(...due);
}
