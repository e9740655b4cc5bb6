import type { AnyStateMachine, AnyStateNode, StateValue } from "xstate";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import { RUN_MACHINE, runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import type { RunCommit } from "../../services/runs/index.ts";
import { followPath } from "./model/follow-path.ts";
import { admit, answer, send, tick, type Act, type ModelStep } from "./model/model-path.ts";
import { steeredRun } from "./model/steered-run.ts";
import { overheard, temporaryStore } from "./hosted-runs.ts";
import type { Persisted } from "./persisted-steps.ts";

/**
 * Snapshots as a store holds them, with the jobs of the run preparing, waiting, being looked at,
 * tried again and stopped.
 */

export type Golden = Pick<RunCommit, "run_id" | "document" | "snapshot" | "machine">;

const JOBS = ["predictionJob", "controlJob", "roundJob"] as const;

const leavesOf = (value: StateValue): string[] =>
  typeof value === "string"
    ? [value]
    : Object.entries(value).flatMap(([key, inner]) =>
        inner === undefined ? [] : leavesOf(inner).map((leaf) => `${key}.${leaf}`),
      );

/**
 * Where the machines of a snapshot are: `run | inferring.control.ready`, `predictionJob.stopJobs |
 * waiting`.
 */
export function statesHeld({ value, children }: Persisted, at: readonly string[] = []): string[] {
  const own =
    value === undefined
      ? []
      : leavesOf(value).map((leaf) => `${at.length === 0 ? "run" : at.join(".")} | ${leaf}`);
  return [
    ...own,
    ...Object.entries(children ?? {}).flatMap(([id, { snapshot }]) =>
      snapshot.status === "active" ? statesHeld(snapshot, [...at, id]) : [],
    ),
  ];
}

function storableStates(machine: AnyStateMachine, name: string): string[] {
  const leaves = (node: AnyStateNode): AnyStateNode[] =>
    Object.keys(node.states).length === 0 ? [node] : Object.values(node.states).flatMap(leaves);
  const isPassedThrough = (node: AnyStateNode): boolean => (node.always ?? []).length > 0;
  /** The run moves on when a machine in it ends. */
  const isEndOfChild = (node: AnyStateNode): boolean => name !== "run" && node.type === "final";
  return leaves(machine.root)
    .filter((node) => !isPassedThrough(node) && !isEndOfChild(node))
    .map(({ path }) => `${name} | ${path.join(".")}`);
}

/** Every state of every machine in which a stored run can be, as the machines themselves say. */
export const ALL_STATES: readonly string[] = [
  ...storableStates(runMachine, "run"),
  ...JOBS.flatMap((job) => storableStates(inferenceJobMachine, job)),
  ...["stopJobs", ...JOBS.map((job) => `${job}.stopJobs`)].flatMap((name) =>
    storableStates(stopJobsMachine, name),
  ),
];

interface Moment extends ModelStep {
  readonly name: string;
}

const moment = (
  name: string,
  acts: readonly Act[],
  value: StateValue,
  ...child: string[]
): Moment => ({ name, acts, expected: { child, value }, view: null });
const looks = (verdict: "succeeded" | "waiting" | "overdue") =>
  ({ kind: "verdict", verdict }) as const;
const both = (
  effect: "prepareJob" | "submitJob" | "checkJob",
  how: Parameters<typeof answer>[1] = { kind: "ok" },
): Act[] => [answer(`${effect}:prediction`, how), answer(`${effect}:control`, how)];
const remain = answer("cancelJobs", { kind: "jobs remain" });

const submitted: readonly Act[] = [
  admit,
  answer("analyze", { kind: "understood", strategy: "synthetic_control" }),
  answer("prompt"),
  ...both("prepareJob"),
  ...both("submitJob"),
];

const roundTold = (
  effect: "prepareJob" | "submitJob" | "checkJob",
  how?: Parameters<typeof answer>[1],
): Act => answer(`${effect}:round`, how);

/** One job for a round; the others have one for each kind of prediction. */
const TOGETHER = "golden-together";
/** The same of a round of two prompts. */
const PROMPTS = "golden-prompts";
const configOf = (runId: string): Partial<RunConfig> =>
  runId === PROMPTS
    ? { control_job: "together", prompts_per_round: 2 }
    : { control_job: runId === TOGETHER ? "together" : "separate" };

const RUNS: Readonly<Record<string, readonly Moment[]>> = {
  "golden-jobs": [
    moment("analyzing", submitted.slice(0, 1), "analyzing"),
    moment("prompting", submitted.slice(1, 2), "prompting"),
    moment("jobs-preparing", submitted.slice(2, 3), "preparing", "controlJob"),
    moment("jobs-submitting", both("prepareJob"), "submitting", "controlJob"),
    moment("jobs-postponed", both("submitJob", { kind: "postponed" }), "postponed", "controlJob"),
    moment("jobs-awaiting", [tick, ...both("submitJob")], "awaiting", "controlJob"),
    moment("jobs-checking", [tick], "checking", "controlJob"),
    moment(
      "jobs-retrying",
      both("checkJob", { kind: "failed", retryable: true }),
      "retrying",
      "controlJob",
    ),
    moment("jobs-submitting-again", [tick, ...both("submitJob"), tick], "checking", "controlJob"),
    moment(
      "prediction-expiring",
      [answer("checkJob:prediction", looks("overdue"))],
      "cancelling",
      "predictionJob",
      "stopJobs",
    ),
    moment("prediction-being-stopped", [remain], "waiting", "predictionJob", "stopJobs"),
    moment(
      "control-expiring",
      [answer("checkJob:control", looks("overdue"))],
      "cancelling",
      "controlJob",
      "stopJobs",
    ),
    moment("jobs-being-stopped", [remain], "waiting", "controlJob", "stopJobs"),
  ],
  [TOGETHER]: [
    moment("round-preparing", submitted.slice(0, 3), "preparing", "roundJob"),
    moment("round-submitting", [roundTold("prepareJob")], "submitting", "roundJob"),
    moment(
      "round-postponed",
      [roundTold("submitJob", { kind: "postponed" })],
      "postponed",
      "roundJob",
    ),
    moment("round-awaiting", [tick, roundTold("submitJob")], "awaiting", "roundJob"),
    moment("round-checking", [tick], "checking", "roundJob"),
    moment(
      "round-retrying",
      [roundTold("checkJob", { kind: "failed", retryable: true })],
      "retrying",
      "roundJob",
    ),
    moment(
      "round-expiring",
      [tick, roundTold("submitJob"), tick, roundTold("checkJob", looks("overdue"))],
      "cancelling",
      "roundJob",
      "stopJobs",
    ),
    moment("round-being-stopped", [remain], "waiting", "roundJob", "stopJobs"),
  ],
  [PROMPTS]: [
    moment(
      "prompts-retrying",
      [
        ...submitted.slice(0, 3),
        roundTold("prepareJob"),
        roundTold("submitJob"),
        tick,
        roundTold("checkJob", { kind: "failed", retryable: true }),
      ],
      "retrying",
      "roundJob",
    ),
    moment("prompts-awaiting", [tick, roundTold("submitJob")], "awaiting", "roundJob"),
    moment("prompts-scoring", [tick, roundTold("checkJob", looks("succeeded"))], {
      evaluating: "scoring",
    }),
    moment("prompts-outputting", [answer("evaluate", { kind: "score", score: 8 })], "outputting"),
  ],
  "golden-completed": [
    moment(
      "control-awaiting",
      [
        ...submitted,
        tick,
        answer("checkJob:prediction", looks("succeeded")),
        answer("checkJob:control", looks("waiting")),
      ],
      "awaiting",
      "controlJob",
    ),
    moment("evaluating-scoring", [tick, answer("checkJob:control", looks("succeeded"))], {
      evaluating: "scoring",
    }),
    moment("outputting", [answer("evaluate", { kind: "score", score: 8 })], "outputting"),
    moment("completed", [answer("output")], "completed"),
  ],
  "golden-failed": [
    moment(
      "prediction-awaiting",
      [
        ...submitted,
        tick,
        answer("checkJob:control", looks("succeeded")),
        answer("checkJob:prediction", looks("waiting")),
      ],
      "awaiting",
      "predictionJob",
    ),
    moment(
      "failed",
      [tick, answer("checkJob:prediction", { kind: "failed", retryable: false })],
      "failed",
    ),
    moment("queued-again", [send({ type: "retry.requested" })], "queued"),
  ],
  "golden-stopped": [
    moment(
      "failing",
      [...submitted, tick, answer("checkJob:prediction", { kind: "failed", retryable: false })],
      "cancelling",
      "stopJobs",
    ),
    moment("failing-jobs-remain", [remain], "waiting", "stopJobs"),
  ],
  "golden-cancelled": [
    moment(
      "cancelling",
      [...submitted, send({ type: "cancel.requested" })],
      "cancelling",
      "stopJobs",
    ),
    moment("cancelling-jobs-remain", [remain], "waiting", "stopJobs"),
    moment("cancelled", [tick, answer("cancelJobs")], "cancelled"),
  ],
};

/** What real runs store at these moments, by name; `onStored` is told of every write. */
export async function recordSnapshots(
  onStored?: (commit: RunCommit) => void,
): Promise<Map<string, Golden>> {
  const store = overheard(await temporaryStore(), onStored);
  const found = new Map<string, Golden>();
  for (const [runId, steps] of Object.entries(RUNS)) {
    const names = steps.map(({ name }) => name).values();
    await followPath(
      await steeredRun(store, runId, { config: configOf(runId) }),
      { name: runId, steps, rows: new Set(), states: new Set() },
      {
        async onStep() {
          const { document, snapshot } = (await store.get(runId)) ?? {};
          if (document === undefined || snapshot == null)
            throw new Error(`${runId} has no snapshot.`);
          found.set(names.next().value ?? "", {
            run_id: runId,
            document,
            snapshot,
            machine: RUN_MACHINE,
          });
        },
      },
    );
  }
  return found;
}
