import { afterEach, describe, expect, test, vi } from "vitest";
import type { FairQueue } from "../../actors/fair-queue.ts";
import type { Effect } from "../../actors/host/step.ts";
import type { PostponingOptions } from "../../actors/host/postponing.ts";
import type { StepPorts } from "../../actors/ports.ts";
import type { ClaimsOptions } from "../../actors/supervisor/claims.ts";
import type {
  CancelJobsInput,
  CancelJobsOutput,
  SubmitJobInput,
  SubmitJobOutput,
} from "../../machines/step-types.ts";
import { HaystackError, recordUnreadable, toHaystackError, type ErrorCode } from "../../errors.ts";
import type { RunStore } from "../../services/runs/index.ts";
import { planScenario, type Scenario } from "../support/simulation/scenario.ts";

/**
 * One bad thing that stops the others, planted into a part of the daemon: the simulation has been
 * seen to notice each, in worlds in which that thing happens.
 */

const POSTPONING = "../../actors/host/postponing.ts";
const CLAIMS = "../../actors/supervisor/claims.ts";
const GROUP_COMMIT = "../../actors/host/group-commit.ts";
const FAIR_QUEUE = "../../actors/fair-queue.ts";
const CANCEL_JOBS = "../../actors/steps/cancel-jobs.ts";
const SUBMIT_JOB = "../../actors/steps/submit-job.ts";
const STUCK_REASONS = "../../actors/stuck-reasons.ts";
const PARTS = [
  POSTPONING,
  CLAIMS,
  GROUP_COMMIT,
  FAIR_QUEUE,
  CANCEL_JOBS,
  SUBMIT_JOB,
  STUCK_REASONS,
];

afterEach(() => {
  for (const part of PARTS) vi.doUnmock(part);
  vi.resetModules();
});

const MOST_SEEDS = 4_000;
const MOST_WORLDS = 60;

/** What the first of those worlds says that says anything. */
async function firstViolation(
  happens: (scenario: Scenario) => boolean,
  plants: Plants,
  mutateStore: (store: RunStore) => RunStore = (store) => store,
): Promise<string> {
  vi.resetModules();
  await plants();
  const { simulate } = await import("../support/simulation/simulate.ts");
  let worlds = 0;
  for (let seed = 1; seed <= MOST_SEEDS && worlds < MOST_WORLDS; seed++) {
    if (!happens(planScenario(seed))) continue;
    worlds += 1;
    const { violations } = await simulate(seed, { mutateStore });
    if (violations[0] !== undefined) return violations[0];
  }
  return "nothing";
}

const bad =
  (...parts: readonly string[]) =>
  ({ runs }: Scenario): boolean =>
    runs.some(({ bad: its }) => its !== undefined && parts.includes(its.does.part));
const short =
  (kind: string, of: (shortage: NonNullable<Scenario["shortage"]>) => boolean = () => true) =>
  ({ shortage }: Scenario): boolean =>
    shortage?.kind === kind && of(shortage);
const crowded = (scenario: Scenario): boolean => scenario.crowded;
const any = (): boolean => true;

/** As if the fault were one that stays. */
const stays = (code: ErrorCode, thrown: unknown): unknown => {
  const error = toHaystackError(thrown);
  return error.code === code ? new HaystackError("INTERNAL", error.message) : thrown;
};

type Plants = () => Promise<void> | void;

/**
 * The part as it is, with something of it in another form. It is imported before any module that
 * imports it: while others do, Vitest 5.1 may give the factory an original without exports, and each
 * run then fails whatever was planted.
 */
async function plant<Part extends object>(
  part: string,
  broken: (real: Part) => Partial<Part>,
): Promise<void> {
  const real = await vi.importActual<Part>(part);
  vi.doMock(part, () => ({ ...real, ...broken(real) }));
}

type Create<Options, Part> = (options: Options) => Part;

const impatientWith = (code: ErrorCode) => (): Promise<void> =>
  plant<{ createPostponing: Create<PostponingOptions, { attempts: Attempts }> }>(
    POSTPONING,
    ({ createPostponing }) => ({
      createPostponing(options) {
        const real = createPostponing(options);
        return {
          ...real,
          attempts: (step, signal, attempt) =>
            real.attempts(step, signal, () =>
              attempt().catch((thrown: unknown) => {
                throw stays(code, thrown);
              }),
            ),
        };
      },
    }),
  );
type Attempts = <Output>(
  step: string,
  signal: AbortSignal,
  attempt: () => Promise<Output>,
) => Promise<Output>;

const impatientToSubmit = (code: ErrorCode) => (): Promise<void> =>
  plant<{ submitJob: (ports: StepPorts) => Effect<SubmitJobInput, SubmitJobOutput> }>(
    SUBMIT_JOB,
    ({ submitJob }) => ({
      submitJob: (ports) =>
        submitJob({
          ...ports,
          batch: {
            ...ports.batch,
            submit: (...job) =>
              ports.batch.submit(...job).catch((thrown: unknown) => {
                throw stays(code, thrown);
              }),
          },
        }),
    }),
  );

type Writes = Pick<RunStore, "commit">;
const takesFullDiskForRefusal = (): Promise<void> =>
  plant<{ createGroupCommit: (store: Writes, ...rest: never[]) => object }>(
    GROUP_COMMIT,
    ({ createGroupCommit }) => ({
      createGroupCommit: ({ commit }, ...rest) =>
        createGroupCommit(
          {
            commit: (commits) =>
              commit(commits).catch(() =>
                commits.map(() => ({ result: "refused", problem: "the disk is full" })),
              ),
          },
          ...rest,
        ),
    }),
  );

const admitsAllTheSame = (): Promise<void> =>
  plant<{ createClaims: Create<ClaimsOptions, object> }>(CLAIMS, ({ createClaims }) => ({
    createClaims: (options) => createClaims({ ...options, obstructed: () => false }),
  }));

/** A stop counts as confirmed after ten minutes. */
const believesStops = (): Promise<void> =>
  plant<{ cancelJobs: (ports: StepPorts) => Effect<CancelJobsInput, CancelJobsOutput> }>(
    CANCEL_JOBS,
    ({ cancelJobs }) => ({
      cancelJobs: (ports) => async (input, context) => {
        const output = await cancelJobs(ports)(input, context);
        return output.check_at - output.asked_at < 600_000 ? output : { ...output, remaining: [] };
      },
    }),
  );

const sayNothingOfStops = (): Promise<void> =>
  plant<{ stuckReasons: (...asked: never[]) => { reason: string }[] }>(
    STUCK_REASONS,
    ({ stuckReasons }) => ({
      stuckReasons: (...asked) =>
        stuckReasons(...asked).filter(({ reason }) => reason !== "stop_unconfirmed"),
    }),
  );

const queue =
  (add: FairQueue["add"], clear: FairQueue["clear"] = () => undefined) =>
  (): void =>
    void vi.doMock(FAIR_QUEUE, () => ({ createFairQueue: () => ({ add, clear }) }));

/** One after the other, in the order in which they came. */
const inOrder = (): FairQueue["add"] => {
  let last: Promise<unknown> = Promise.resolve();
  return (_, work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
};

const nothing = (): void => undefined;

const readsAllOrNone = (store: RunStore): RunStore => ({
  ...store,
  async claim(request) {
    const records = await store.claim(request);
    for (const { document, damage } of records)
      if (damage !== undefined) throw recordUnreadable(document.run_id, damage);
    return records;
  },
});
const setsNothingAside = (store: RunStore): RunStore => ({ ...store, setAside: async () => false });
const repeatsForEver = (store: RunStore): RunStore => ({
  ...store,
  commit: (commits) =>
    store.commit(commits).catch((thrown: unknown) => {
      throw new HaystackError("STORE_UNAVAILABLE", toHaystackError(thrown).message);
    }),
});
const countsNoTakeUps = (store: RunStore): RunStore => ({
  ...store,
  claim: async (request) =>
    (await store.claim(request)).map(({ fruitless: _, ...record }) => record),
});

type Planted = readonly [
  name: string,
  happens: (scenario: Scenario) => boolean,
  plants: Plants,
  mutateStore: ((store: RunStore) => RunStore) | undefined,
  says: RegExp,
];

describe("the simulation notices", () => {
  test.each<Planted>([
    [
      "a record that cannot be read and ends the claim of all others",
      bad("document"),
      nothing,
      readsAllOrNone,
      /^(end|trouble)/,
    ],
    [
      "a record that cannot be read and is claimed again and again",
      bad("snapshot"),
      nothing,
      setsNothingAside,
      /^end/,
    ],
    [
      "a write that the store refuses and that is repeated with its group for ever",
      bad("writes"),
      nothing,
      repeatsForEver,
      /^end/,
    ],
    [
      "a take-up that ended its process and is not counted",
      bad("process"),
      nothing,
      countsNoTakeUps,
      /^aside/,
    ],
    [
      "a killed computation that fails a run for good",
      short("compute killed"),
      impatientWith("COMPUTE_ENDED"),
      undefined,
      /^passing/,
    ],
    [
      "a full disk that fails a run for good",
      short("disk full"),
      impatientWith("DISK_FULL"),
      undefined,
      /^(passing|admission)/,
    ],
    [
      "too many open files that fail a run for good",
      short("too many files"),
      impatientWith("TOO_MANY_FILES"),
      undefined,
      /^(passing|admission)/,
    ],
    [
      "a job's folder without room that fails a run for good",
      short("disk full", ({ where }) => where === "jobs"),
      impatientToSubmit("DISK_FULL"),
      undefined,
      /^passing/,
    ],
    [
      "a job that cannot be handed over for open files and fails a run for good",
      short("too many files", ({ where }) => where === "jobs"),
      impatientToSubmit("TOO_MANY_FILES"),
      undefined,
      /^passing/,
    ],
    [
      "a store without room that counts as a refusal",
      short("disk full", ({ where }) => where === "steps and store"),
      takesFullDiskForRefusal,
      undefined,
      /^aside/,
    ],
    [
      "runs that are admitted while the machine has run out",
      any,
      admitsAllTheSame,
      undefined,
      /^admission/,
    ],
    ["a frozen job that counts as stopped after a while", any, believesStops, undefined, /^D4/],
    ["a frozen job that nobody is told of", any, sayNothingOfStops, undefined, /^stuck/],
    [
      "a crowd's mails that go out all at once",
      crowded,
      queue((_, work) => work()),
      undefined,
      /^crowd.*at the same time/,
    ],
    [
      "a crowd's mails that go out before all others",
      crowded,
      queue(inOrder()),
      undefined,
      /^crowd.*waited behind/,
    ],
  ])("%s", async (_, happens, plants, mutateStore, expected) => {
    expect(await firstViolation(happens, plants, mutateStore)).toMatch(expected);
  });
});
