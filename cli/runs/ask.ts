import { setTimeout as pause } from "node:timers/promises";
import { clock } from "../../adapters/clock.ts";
import { storedContext } from "../../actors/run-details.ts";
import {
  answerToWish,
  retryForbidden,
  runStateForbids,
  WISH_EVENTS,
  type Wish,
} from "../../actors/run-wishes.ts";
import { type BatchAdapter, batchAdapter, type Config } from "../../config.ts";
import type { Daemon } from "../../daemon.ts";
import { HaystackError } from "../../errors.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { followToEnd } from "../hosted-run.ts";
import type { Progress } from "../progress.ts";
import { findRun } from "../find-run.ts";
import { watch } from "../watch.ts";
import { leaveOnInterrupt } from "./interrupts.ts";
import type { Ended } from "./operations.ts";

interface Hosting {
  readonly config: Config;
  readonly daemon: Daemon;
  readonly progress: Progress;
}

/**
 * Stores the event, also of a wish that is granted already, as an event brings a waiting run back;
 * then sees the run to its end: here, or where it is hosted. A lease that nobody
 * renews is that of a process that died; when it has run out, the run is taken up here.
 */
export async function ask(hosting: Hosting, runId: string, wish: Wish): Promise<Ended> {
  const { config, daemon } = hosting;
  const record = await findRun(daemon.runs, runId);
  const { document, revision } = record;
  if (answerToWish(wish, document.status) === "forbidden") throw runStateForbids(document);
  const problem = wish === "retry" ? retryForbidden(record) : undefined;
  if (problem !== undefined) throw problem;
  if (record.set_aside !== undefined) {
    await daemon.runs.cancelAside(runId);
    await daemon.asideJobs.stop();
    return { document: (await findRun(daemon.runs, runId)).document, interrupted: false };
  }
  if (leaseLeftMs(record) === 0) checkJobsAreReachable(config, record, "Nothing was changed.");
  const type = WISH_EVENTS[wish];
  await daemon.supervisor.deliver(runId, { id: `${type}.${revision}`, event: { type } });
  for (;;) {
    try {
      return await followToEnd(daemon, runId, () => daemon.supervisor.adopt(runId));
    } catch (thrown) {
      if (!(thrown instanceof HaystackError) || thrown.code !== "LEASE_LOST") throw thrown;
    }
    const ended = await leaveOnInterrupt(runId, (signal) =>
      whileHostedElsewhere(hosting, runId, signal),
    );
    if (ended === undefined)
      return { document: (await findRun(daemon.runs, runId)).document, interrupted: true };
    if (ended !== "left") return { document: ended, interrupted: false };
    checkJobsAreReachable(
      config,
      await findRun(daemon.runs, runId),
      "What you asked for is kept until then.",
    );
  }
}

const leaseLeftMs = ({ lease }: RunRecord): number =>
  lease === null ? 0 : Math.max(0, lease.expires_at - Date.now());

/** Why the watching ended. */
const LEFT = Symbol("left");
const LOOK_MS = 1_000;

/** Follows the run until it rests, or until no process holds it any more. */
async function whileHostedElsewhere(
  { config, daemon: { runs }, progress }: Hosting,
  runId: string,
  interrupted: AbortSignal,
): Promise<RunDocument | "left"> {
  const { POLL_MILLISECONDS: pollMs } = config;
  const left = new AbortController();
  const over = new AbortController();
  const seconds = Math.ceil(leaseLeftMs(await findRun(runs, runId)) / 1_000);
  progress.log(
    `Another process hosts ${runId}, or died less than a lease ago; it goes on there, or here in ${seconds} s.`,
  );
  const untilLeft = async (): Promise<void> => {
    for (;;) {
      const ms = leaseLeftMs(await findRun(runs, runId));
      if (ms === 0) return left.abort(LEFT);
      await pause(Math.min(ms, LOOK_MS) + pollMs, undefined, { signal: over.signal });
    }
  };
  const looking = untilLeft().catch((thrown: unknown) => left.abort(thrown));
  try {
    const signal = AbortSignal.any([interrupted, left.signal]);
    return await watch(runs, runId, { clock, pollMs, onRun: progress.show, signal });
  } catch (thrown) {
    if (thrown === LEFT) return "left";
    throw thrown;
  } finally {
    over.abort();
    await looking;
  }
}

/**
 * The jobs of this machine know nothing of a job on Batch, and would call it stopped. A job has its
 * offer once its submission is on record.
 */
const STOPS_PAID_JOBS: Readonly<Record<BatchAdapter, boolean>> = { local: false, google: true };

function checkJobsAreReachable(
  config: Config,
  { document: { run_id }, snapshot }: RunRecord,
  meanwhile: string,
): void {
  const isOnBatch = (storedContext(snapshot).jobs ?? []).some(
    ({ state, offer }) => state === "submitted" && offer !== null,
  );
  if (!STOPS_PAID_JOBS[batchAdapter(config)] && isOnBatch)
    throw new HaystackError(
      "USAGE",
      `Run ${run_id} has a job on Google Batch, which this machine is not configured for; set the BATCH_ variables as on its daemon, or use a server with --server. ${meanwhile}`,
    );
}
