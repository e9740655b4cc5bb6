import { newRun } from "../../../services/runs/document.ts";
import type { RunRecord } from "../../../services/runs/index.ts";
import type { ErrorCode } from "../../../errors.ts";
import type { Fields } from "../foreign-writes.ts";
import { LEASE_MS, type SteeredRun } from "./steered-run.ts";

/**
 * What the next daemon meets when it takes up the run of a dead one: the run is set aside, another
 * run ends all the same, and somebody makes the run good and releases it.
 */

export type TakeUpFault = "of a damaged record" | "that ends its process";
export const TAKE_UP_FAULTS: readonly TakeUpFault[] = [
  "of a damaged record",
  "that ends its process",
];

/** By a connection of its own. */
export type WriteFields = (runId: string, fields: Fields) => Promise<void>;

const CODES: Readonly<Record<TakeUpFault, ErrorCode>> = {
  "of a damaged record": "RECORD_UNREADABLE",
  "that ends its process": "RUN_ENDS_PROCESS",
};
const DAMAGES: readonly Fields[] = [
  { snapshot: '{"value":' },
  { machine: "7" },
  { outbox: { a: 1 } },
  { query: 7 },
];
/** After so many the run is set aside. */
const MOST_ENDS = 3;
const LOOK_MS = 20;
const MOST_LOOKS = 1_000;

/** A run in the way of none, that its user has cancelled before it was admitted. */
async function insertBystander(
  { store, runId, clock }: SteeredRun,
  when: "before" | "after",
): Promise<string> {
  const run_id = `${runId}-${when}`;
  await store.insert(
    newRun({
      run_id,
      query: "How would T cells respond to IFN-beta?",
      user_email: null,
      config: {},
      random_seed: 1,
      now: clock.now(),
    }),
  );
  await store.deliver(run_id, { id: "cancelled", event: { type: "cancel.requested" } });
  return run_id;
}

/** Lets a little time pass between two looks: a run that may end its process is taken up alone. */
async function look(
  run: SteeredRun,
  what: string,
  isSo: () => Promise<boolean> | boolean,
): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    if (await isSo()) return;
    run.clock.advance(LOOK_MS);
    await run.store.standings([run.runId]);
  }
  throw new Error(`${run.runId}: ${what} did not happen.`);
}

const startAnother = (run: SteeredRun): void => {
  run.clock.advance(LEASE_MS + 1);
  run.start();
};

async function recordOf({ store, runId }: SteeredRun): Promise<RunRecord> {
  const record = await store.get(runId);
  if (record === undefined) throw new Error(`${runId} is gone.`);
  return record;
}

/** Damages the run; returns how to make it good again. */
async function damage(
  run: SteeredRun,
  write: WriteFields,
  which: number,
): Promise<() => Promise<void>> {
  const fields = DAMAGES[which % DAMAGES.length] ?? {};
  const record = await recordOf(run);
  const whole: Fields = { ...record, ...record.document };
  await write(run.runId, fields);
  return () =>
    write(run.runId, Object.fromEntries(Object.keys(fields).map((name) => [name, whole[name]])));
}

async function endTakeUps(run: SteeredRun): Promise<void> {
  for (let ends = 1; ends <= MOST_ENDS; ends++) {
    run.endNextTakeUp();
    startAnother(run);
    const isAside = async (): Promise<boolean> => (await recordOf(run)).set_aside !== undefined;
    await look(
      run,
      `take-up ${ends}`,
      async () => !run.present().process.alive || (await isAside()),
    );
    if (await isAside()) throw new Error(`${run.runId} was set aside after ${ends - 1} ends.`);
  }
}

/** The process of the run is dead; afterwards nobody hosts it, and it can be claimed. */
export async function throughTakeUp(
  run: SteeredRun,
  fault: TakeUpFault,
  { write, which }: { readonly write: WriteFields; readonly which: number },
): Promise<void> {
  const isQueued = run.acknowledged()?.value === "queued";
  const others = [await insertBystander(run, "before")];
  if (isQueued) run.allow();
  const makeGood = fault === "of a damaged record" ? await damage(run, write, which) : undefined;
  if (makeGood === undefined) {
    await endTakeUps(run);
    others.push(await insertBystander(run, "after"));
  }
  startAnother(run);
  await look(run, `to set aside for ${CODES[fault]}`, async () => {
    const { set_aside, lease } = await recordOf(run);
    return set_aside?.code === CODES[fault] && lease === null;
  });
  for (const other of others)
    await look(run, `the end of ${other}`, async () => {
      const record = await run.store.get(other);
      return record?.document.status === "cancelled" && record.set_aside === undefined;
    });
  run.present().process.kill();
  if (isQueued) run.hold();
  await makeGood?.();
  if (!(await run.rivals.unsetAside(run.runId))) throw new Error(`${run.runId} is not set aside.`);
}
