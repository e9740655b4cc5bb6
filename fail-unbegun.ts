import { clock } from "./adapters/clock.ts";
import { openMail } from "./adapters/mail.ts";
import { openRuns } from "./adapters/runs.ts";
import { stayAlive } from "./adapters/stay-alive.ts";
import { storedContext } from "./actors/run-details.ts";
import { bindRunMachine, type RunEffects } from "./actors/host/bind-run-machine.ts";
import { composeMail } from "./actors/mail/compose-mail.ts";
import { createSupervisor } from "./actors/supervisor/supervisor.ts";
import { usageOf } from "./actors/host/usage.ts";
import { loadConfig } from "./config.ts";
import { type HaystackError, runNotFound } from "./errors.ts";
import type { RunDocument } from "./services/runs/document.ts";

/**
 * What a run needs to be marked as failed and mailed; whatever else is configured wrongly does not
 * matter.
 */
const VARIABLES =
  /^(HAYSTACK_DATA_DIR|MONGODB_\w+|MAIL_FROM|SENDGRID_\w+|PUBLIC_URL|LEASE_SECONDS|POLL_MILLISECONDS)$/;
/** Nothing was predicted. */
const MODEL = { name: "none", is_baseline: false };

export interface UnbegunRun {
  readonly runId: string;
  readonly adjust: (document: RunDocument) => RunDocument;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly dataDir: string | undefined;
  readonly onTrouble: (error: HaystackError) => void;
}

const failing = (error: HaystackError): RunEffects => {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return {
    analyze: fail,
    prompt: fail,
    prepareJob: fail,
    submitJob: fail,
    checkJob: fail,
    cancelJobs: fail,
    evaluate: fail,
    output: fail,
  };
};

const hasLiveJobs = (snapshot: string | null): boolean =>
  (storedContext(snapshot).jobs ?? []).some(
    ({ state }) => state === "submitting" || state === "submitted",
  );

/**
 * Marks a stored run as failed, with the error for which this process cannot host it, and mails
 * that. One with jobs at Batch is left to a process that can reach them, one that has ended stays
 * so. Returns how the run stands.
 * Errors: RUN_NOT_FOUND, LEASE_LOST when another process hosts it, CONFIG_INVALID or
 * STORE_UNAVAILABLE when the store cannot be opened.
 */
export async function failUnbegun(
  error: HaystackError,
  { runId, adjust, environment, dataDir, onTrouble }: UnbegunRun,
): Promise<RunDocument> {
  const config = loadConfig(
    Object.fromEntries(Object.entries(environment).filter(([name]) => VARIABLES.test(name))),
    dataDir,
  );
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openRuns(config, { fewConnections: true }), (part) =>
    part.close(),
  );
  const record = await store.get(runId);
  if (record === undefined) throw runNotFound(runId);
  const { document, snapshot } = record;
  if (document.status === "completed" || document.status === "cancelled" || hasLiveJobs(snapshot))
    return document;
  const mail = opened.adopt(await openMail(config, clock), (part) => part.close());
  const supervisor = createSupervisor({
    store,
    machine: bindRunMachine(failing(error)),
    clock,
    jobEvents: { subscribe: async () => async () => undefined, close: async () => undefined },
    mail,
    composeMail: composeMail(MODEL, { list: async () => [] }, clock, config.PUBLIC_URL),
    usage: usageOf(MODEL),
    owner: `${process.pid}-${runId}`,
    limits: { maxActive: 1, maxActivePerUser: 1 },
    sweeps: false,
    leaseMs: config.LEASE_SECONDS * 1_000,
    pollMs: config.POLL_MILLISECONDS,
    passivateMs: Number.MAX_SAFE_INTEGER,
    random: Math.random,
    onTrouble,
  });
  opened.defer(() => supervisor.stop());
  opened.use(stayAlive());
  await supervisor.start();
  const settled = supervisor.settled(runId);
  await supervisor.adopt(runId, adjust);
  return await settled;
}
