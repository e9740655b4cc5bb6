import type { RunDocument } from "../../../services/runs/document.ts";
import type { RunRecord } from "../../../services/runs/index.ts";
import type { Persisted } from "../persisted-steps.ts";
import type { Act, Answer, ModelPath, ModelStep, SteeredEffect } from "./model-path.ts";
import { CHECK_MS, type CrashPoint } from "./steered-effects.ts";
import { LEASE_MS, type SteeredRun } from "./steered-run.ts";

/**
 * Takes a real run along a path of the model and then to its end, through a crash if one is
 * planned.
 */

export interface PlannedCrash {
  /** Index among all acts of the path, or the mail at the end. */
  readonly at: number | "mail";
  readonly point: CrashPoint;
}

export interface FollowOptions {
  readonly crash?: PlannedCrash;
  /** What happens after the crash, until a process can take up the run again. */
  readonly meanwhile?: (run: SteeredRun) => Promise<void>;
  /** Called whenever a step of the path has been taken and is durable. */
  readonly onStep?: (step: ModelStep) => Promise<void>;
}

/** What must be the same with and without a crash. */
export interface RunEnd {
  readonly document: Omit<RunDocument, "started_at" | "updated_at" | "completed_at">;
  readonly outbox: readonly string[];
  /** Events that nobody has consumed. */
  readonly inbox: readonly string[];
  readonly performed: readonly string[];
  readonly jobs: readonly string[];
  readonly mails: readonly string[];
}

const MOST_ACTS_TO_THE_END = 60;
const FINAL_CHILD_STATES: ReadonlySet<string> = new Set(["succeeded", "failed", "stopped"]);
const RESTING: ReadonlySet<unknown> = new Set(["completed", "failed", "cancelled"]);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function isReached(snapshot: Persisted | null, { child, value }: ModelStep["expected"]): boolean {
  let at: Persisted | undefined = snapshot ?? undefined;
  for (const id of child) at = at?.children?.[id]?.snapshot;
  if (child.length > 0 && at?.status !== "active")
    return typeof value === "string" && FINAL_CHILD_STATES.has(value);
  return JSON.stringify(at?.value) === JSON.stringify(value);
}

function defaultAnswer(effect: SteeredEffect): Answer {
  if (effect === "analyze") return { kind: "understood", strategy: "query_as_control" };
  if (effect === "evaluate") return { kind: "score", score: 8 };
  return effect.startsWith("checkJob") ? { kind: "verdict", verdict: "succeeded" } : { kind: "ok" };
}

/**
 * Which acts have to be done again when their process died there: the others are stored, or come
 * again by themselves.
 */
const isRepeated = (act: Act, point: CrashPoint): boolean =>
  (act.kind === "answer" || act.kind === "tick") &&
  (point === "before the commit" || point === "after the effect");

/** A tick has no effect outside the run. */
export const canCrash = (act: Act, point: CrashPoint): boolean =>
  act.kind !== "tick" || point !== "after the effect";

async function restart(run: SteeredRun): Promise<void> {
  run.clock.advance(LEASE_MS + 1);
  await run.reread();
  const { supervisor } = run.start();
  const needsNoHost = (value: unknown): boolean => RESTING.has(value) || value === "queued";
  await run.until(
    "the run is hosted again, at rest or queued",
    () => supervisor.hosted().includes(run.runId) || needsNoHost(run.acknowledged()?.value),
  );
  await turn();
}

async function perform(run: SteeredRun, act: Act, id: string): Promise<void> {
  switch (act.kind) {
    case "admit":
      run.allow();
      if (run.acknowledged() === null) run.start();
      else run.clock.advance(2 * CHECK_MS);
      return;
    case "event":
      if (act.event.type === "retry.requested") run.hold();
      void run.present().supervisor.deliver(run.runId, { id, event: act.event });
      return;
    case "tick":
      run.clock.advance(2 * CHECK_MS);
      return;
    case "answer":
      await run.until(`${act.effect} begins`, () => run.present().waiting.has(act.effect));
      run.present().waiting.get(act.effect)?.settle(act.answer);
  }
}

interface Struck extends Pick<FollowOptions, "meanwhile"> {
  readonly crash?: CrashPoint;
}

async function performDurably(
  run: SteeredRun,
  act: Act,
  id: string,
  { crash, meanwhile }: Struck = {},
): Promise<void> {
  if (act.kind === "event" && RESTING.has(run.acknowledged()?.value))
    await run.until("the host lets the run go", () => run.released());
  if (run.acknowledged()?.value === "queued")
    await run.until("the host leaves the run to the queue", () => !run.isLeased());
  const before = run.commits();
  if (crash !== undefined) run.arm(crash, "act");
  if (crash !== undefined && crash !== "on a full disk") {
    await perform(run, act, id);
    await run.until(`the crash ${crash}`, () => !run.present().process.alive);
    await meanwhile?.(run);
    await restart(run);
    if (!isRepeated(act, crash)) return;
  }
  await perform(run, act, id);
  await run.until(`the commit after ${JSON.stringify(act)}`, () => run.commits() > before);
  await turn();
}

async function goToEnd(
  run: SteeredRun,
  { crash: mailCrash, meanwhile }: Struck = {},
): Promise<void> {
  if (mailCrash !== undefined) run.arm(mailCrash, "mail");
  run.allow();
  for (let count = 0; count < MOST_ACTS_TO_THE_END; count++) {
    if (RESTING.has(run.acknowledged()?.value)) break;
    const [effect] = run.present().waiting.keys();
    await performDurably(
      run,
      effect === undefined
        ? { kind: "tick" }
        : { kind: "answer", effect, answer: defaultAnswer(effect) },
      "",
    );
  }
  if (mailCrash !== undefined && mailCrash !== "on a full disk") {
    await run.until(`the crash ${mailCrash} of the mail`, () => !run.present().process.alive);
    await meanwhile?.(run);
    run.clock.advance(LEASE_MS + 1);
    run.start();
  }
  if (!(await isDone(run))) await run.until("the run rests", () => run.released());
  await run.present().supervisor.stop();
}

async function isDone(run: SteeredRun): Promise<boolean> {
  const record = await run.store.get(run.runId);
  return (
    RESTING.has((JSON.parse(record?.snapshot ?? "{}") as Partial<Persisted>).value) &&
    (record?.outbox ?? []).every(({ state }) => state === "sent")
  );
}

async function endOf(run: SteeredRun): Promise<RunEnd> {
  const record = await run.store.get(run.runId);
  if (record === undefined) throw new Error(`${run.runId} is gone.`);
  return described(record, run);
}

function described(
  { document, outbox, inbox }: RunRecord,
  { runId, performed, jobsCreated, mails }: SteeredRun,
): RunEnd {
  const anonymous = (text: string): string => text.replaceAll(runId, "run");
  const {
    started_at: _1,
    updated_at: _2,
    completed_at: _3,
    created_at: _4,
    ...timeless
  } = document;
  return {
    document: JSON.parse(anonymous(JSON.stringify(timeless))) as RunEnd["document"],
    outbox: outbox.map(({ key, state }) => anonymous(`${key} ${state}`)),
    inbox: inbox.map(({ id }) => id),
    performed: [...new Set(performed.map(anonymous))].toSorted(),
    jobs: jobsCreated.map(anonymous).toSorted(),
    mails: mails.map(anonymous),
  };
}

export async function followPath(
  run: SteeredRun,
  { steps }: ModelPath,
  { crash, meanwhile, onStep }: FollowOptions = {},
): Promise<RunEnd> {
  const struckAt = (at: PlannedCrash["at"]): Struck =>
    crash?.at === at
      ? { crash: crash.point, ...(meanwhile === undefined ? {} : { meanwhile }) }
      : {};
  if (steps[0]?.acts[0]?.kind !== "admit") run.start();
  let index = 0;
  for (const step of steps) {
    for (const act of step.acts) {
      const named =
        act.kind === "event" && "job_id" in act.event
          ? {
              ...act,
              event: { ...act.event, job_id: act.event.job_id.replace("model", run.runId) },
            }
          : act;
      await performDurably(run, named, `event-${index}`, struckAt(index));
      index += 1;
    }
    await run.until(JSON.stringify(step.expected), () =>
      isReached(run.acknowledged(), step.expected),
    );
    await turn();
    await onStep?.(step);
  }
  await goToEnd(run, struckAt("mail"));
  return endOf(run);
}
