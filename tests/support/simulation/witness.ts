import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { RunContext } from "../../../machines/run-types.ts";
import { earliestWakeUp, runState, runView, type RunState } from "../../../machines/run-view.ts";
import type { RunCommit, RunRecord } from "../../../services/runs/index.ts";
import { invocations, type Invocation, type Persisted } from "../persisted-steps.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { MachineWork } from "./machine.ts";

/**
 * Sees everything that happens in a simulated world, keeps a trace of it, and says when the
 * durability contract is broken.
 */

export interface StartedEffect {
  readonly run_id: string;
  readonly name: string;
  /** For the steps of an inference job. */
  readonly job_id?: string;
}

export type Fault =
  | `${"request" | "answer"} lost: ${Service}`
  | `slow: ${Service}`
  | `away: ${Service}`
  | `event ${"lost" | "doubled" | "late" | "out of order"}`
  | "job not found"
  | "queued job failed"
  | "old news of a failure"
  | "preempted"
  | "job cancelled by others"
  | "job hangs"
  | "round interrupted"
  | "no output"
  | "application"
  | "transient"
  | "over_time"
  | "kill"
  | "stall"
  | "drain"
  | `${"compute killed" | "disk full" | "too many files"}: ${MachineWork}`
  | "record damaged"
  | "write refused"
  | "run ends process"
  | "runner frozen"
  | "crowd cancelled"
  | "clock set back"
  | "clock set forward"
  | "lease lost"
  | "two daemons"
  | "money spent";
export type Service = "store" | "batch" | "objects" | "mail";

interface SentMail {
  readonly process: DaemonProcess;
  readonly token: number;
  /** The sender heard of a failure, or of nothing yet. */
  uncertain: boolean;
}

export interface Witness {
  readonly violations: readonly string[];
  /** Same seed, same digest. */
  digest(): string;
  trace(line: string): void;
  /** Something went wrong in the world, as planned. */
  fault(kind: Fault): void;
  faults(): Readonly<Record<string, number>>;
  violated(rule: string, what: string): void;
  committed(commit: RunCommit, before: RunRecord, after: RunRecord): void;
  known(
    process: DaemonProcess,
    record: Pick<RunRecord, "snapshot" | "lease"> & { readonly run_id: string },
  ): void;
  refused(process: DaemonProcess, runId: string): void;
  released(process: DaemonProcess, runId: string, token: number): void;
  effectStarted(process: DaemonProcess, effect: StartedEffect): void;
  /** US dollars that the run had durably spent when the step that submits the job began last. */
  spentBefore(jobId: string): number;
  mailSent(process: DaemonProcess, runId: string, key: string): SentMail;
  mailsOf(key: string): number;
  stateOf(runId: string): RunState | undefined;
  /** When the run's machine came to its last stored state. */
  changedAt(runId: string): number;
}

export interface WitnessOptions {
  readonly now: () => number;
  readonly stored: (runId: string) => RunRecord | undefined;
  /**
   * So many runs may work at the same time: daemons that admit at the same moment may exceed the
   * limit by their number less one.
   */
  readonly mostWorking: number;
  readonly liveJobs: (runId: string) => readonly string[];
  readonly onTrace?: ((line: string) => void) | undefined;
}

const WORKING: ReadonlySet<RunState | undefined> = new Set([
  "analyzing",
  "prompting",
  "inferring",
  "evaluating",
  "outputting",
]);
const isWorking = (state: RunState | undefined): boolean => WORKING.has(state);
const hasEnded = (state: RunState): boolean =>
  state === "completed" || state === "failed" || state === "cancelled";

export function createWitness({
  now,
  stored,
  mostWorking,
  liveJobs,
  onTrace,
}: WitnessOptions): Witness {
  const hash = createHash("sha256");
  const violations: string[] = [];
  const states = new Map<string, { readonly state: RunState; readonly at: number }>();
  const knowledge = new Map<string, { readonly snapshot: string | null; readonly token: number }>();
  const mails = new Map<string, SentMail[]>();
  const faults = new Map<Fault, number>();
  const spent = new Map<string, number>();
  const parsedSnapshots = new Map<string, Persisted>();
  const keyOf = (process: DaemonProcess, runId: string): string => `${process.name}/${runId}`;

  const trace = (line: string): void => {
    const text = `${now()} ${line}\n`;
    hash.update(text);
    onTrace?.(text);
  };
  const violated = (rule: string, what: string): void => {
    violations.push(`${rule} at ${now()}: ${what}`);
    trace(`VIOLATION ${rule} ${what}`);
  };
  const holdsLease = (process: DaemonProcess, runId: string): boolean => {
    const lease = stored(runId)?.lease;
    return (
      lease?.owner === process.name && lease.token === knowledge.get(keyOf(process, runId))?.token
    );
  };

  /** Snapshots are looked at several times: by their commit and by each step that they start. */
  const parse = (text: string): Persisted => {
    let parsed = parsedSnapshots.get(text);
    if (parsed === undefined) parsedSnapshots.set(text, (parsed = JSON.parse(text) as Persisted));
    return parsed;
  };

  const checkDocument = (commit: RunCommit, snapshot: Persisted): void => {
    const context = snapshot.context as RunContext;
    const view = runView(snapshot.value ?? {}, context);
    for (const [field, value] of Object.entries(view)) {
      const shown: unknown = commit.document[field as keyof typeof view];
      if (shown !== value && !isDeepStrictEqual(shown, value))
        violated(
          "D1",
          `${commit.run_id} shows ${field} ${JSON.stringify(shown)}, its snapshot says ${JSON.stringify(value)}`,
        );
    }
    if (commit.wake_at !== earliestWakeUp(snapshot))
      violated(
        "D6",
        `${commit.run_id} wakes at ${commit.wake_at}, its snapshot at ${earliestWakeUp(snapshot)}`,
      );
    const owed = new Set(commit.outbox.map(({ key }) => key));
    if (commit.document.user_email !== null)
      for (const { key } of context.mails)
        if (!owed.has(key)) violated("D1", `${key} is owed and not in the outbox`);
  };

  return {
    violations,
    digest: () => hash.copy().digest("hex"),
    trace,
    violated,
    fault: (kind) => void faults.set(kind, (faults.get(kind) ?? 0) + 1),
    faults: () => Object.fromEntries(faults),

    committed(commit, before, after) {
      const runId = commit.run_id;
      const snapshot = parse(commit.snapshot);
      const state = runState(snapshot.value ?? {});
      trace(
        `commit ${runId} r${after.revision} t${commit.expect.token} ${JSON.stringify(snapshot.value)} ${commit.document.status} consumed ${commit.consumed.join(",")}`,
      );
      checkDocument(commit, snapshot);
      for (const { revision } of commit.history)
        if (revision !== before.revision + 1)
          violated(
            "D1",
            `${runId} logs revision ${revision} in the commit after ${before.revision}`,
          );
      const stateLogged = commit.history.findLast(({ actor }) => actor === "run")?.to.split(".")[0];
      if (stateLogged !== undefined && stateLogged !== state)
        violated("D1", `${runId} logs ${stateLogged} and stores a snapshot in ${state}`);
      const waiting = new Set(before.inbox.map(({ id }) => id));
      for (const id of commit.consumed)
        if (!waiting.has(id)) violated("D5", `${runId} consumed ${id}, which is not in its inbox`);
      const live = hasEnded(state) ? liveJobs(runId) : [];
      if (live.length > 0) violated("D4", `${runId} is ${state} and ${live.join(", ")} still runs`);
      const begins = isWorking(state) && !isWorking(states.get(runId)?.state);
      if (states.get(runId)?.state !== state) states.set(runId, { state, at: now() });
      const working = [...states]
        .filter(
          ([id, known]) => isWorking(known.state) && stored(id)?.document.status === "running",
        )
        .map(([id]) => id);
      if (begins && working.length > mostWorking)
        violated("admission", `${working.join(", ")} work at the same time`);
    },

    known(process, { run_id, snapshot, lease }) {
      knowledge.set(keyOf(process, run_id), { snapshot, token: lease?.token ?? 0 });
    },
    refused: (process, runId) => void knowledge.delete(keyOf(process, runId)),
    released(process, runId, token) {
      const record = stored(runId);
      if (record?.lease?.token !== token) return;
      for (const { key, state } of record.outbox) {
        const sent = mails.get(key)?.at(-1);
        if (
          state === "owed" &&
          sent?.process === process &&
          sent.token === token &&
          !sent.uncertain
        )
          violated("outbox", `${process.name} let ${runId} go with ${key} sent and not recorded`);
      }
    },

    effectStarted(process, { run_id, name, job_id }) {
      trace(`effect ${process.name} ${run_id} ${name} ${job_id ?? ""}`);
      if (name === "submitJob" && job_id !== undefined)
        spent.set(job_id, stored(run_id)?.document.usage.gpu_cost_usd ?? 0);
      const known = knowledge.get(keyOf(process, run_id));
      if (!process.alive)
        violated("D3", `${name} of ${run_id} began in the dead process ${process.name}`);
      if (known === undefined)
        return violated(
          "D3",
          `${name} of ${run_id} began in ${process.name}, which has lost the run`,
        );
      const isInvoked = ({ id, context }: Invocation): boolean =>
        id === name &&
        (job_id === undefined || context.job === undefined || context.job.job_id === job_id);
      if (known.snapshot === null || !invocations(parse(known.snapshot)).some(isInvoked))
        violated("D2", `${name} ${job_id ?? ""} of ${run_id} began before its state was durable`);
      if (!holdsLease(process, run_id))
        violated("D9", `${name} of ${run_id} began in ${process.name}, which holds no lease`);
    },

    mailSent(process, runId, key) {
      trace(`mail ${process.name} ${key}`);
      const record = stored(runId);
      const before = mails.get(key) ?? [];
      const entry = record?.outbox.find((owed) => owed.key === key);
      if (entry === undefined) violated("D2", `${key} was sent before it was owed durably`);
      if (entry?.state === "sent")
        violated("outbox", `${key} was sent again after it was recorded`);
      const previous = before.at(-1);
      if (
        previous !== undefined &&
        !previous.uncertain &&
        previous.process.alive &&
        record?.lease?.token === previous.token
      )
        violated("outbox", `${key} was sent twice by ${process.name} without need`);
      const sent: SentMail = { process, token: record?.lease?.token ?? 0, uncertain: false };
      mails.set(key, [...before, sent]);
      return sent;
    },
    spentBefore: (jobId) => spent.get(jobId) ?? 0,
    mailsOf: (key) => mails.get(key)?.length ?? 0,
    stateOf: (runId) => states.get(runId)?.state,
    changedAt: (runId) => states.get(runId)?.at ?? 0,
  };
}
