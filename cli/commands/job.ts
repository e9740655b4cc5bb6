import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { z } from "zod";
import { loadConfig, type Config } from "../../config.ts";
import type { Daemon } from "../../daemon.ts";
import { HaystackError, toHaystackError } from "../../errors.ts";
import { controlStrategySchema } from "../../science/query/structured-query.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { followToEnd, withDaemon } from "../hosted-run.ts";
import { note, print } from "../output.ts";
import type { CommonOptions, SetExitCode } from "../program.ts";
import { findRun } from "../watch.ts";

const jobEnvironmentSchema = z.object({ RUN_ID: z.string().min(1), USER_EMAIL: z.string().optional(), CONTROL_STRATEGY: controlStrategySchema.optional() });
type JobEnvironment = z.infer<typeof jobEnvironmentSchema>;

const PAUSE_MS = 1_000;

export function addJobCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command("job")
    .description("Run the stored run RUN_ID to its end in this process, as a Batch job does; exit 0 when it completed, 1 otherwise.")
    .addHelpText("after", "\nEnvironment: RUN_ID; USER_EMAIL and CONTROL_STRATEGY override those of a run that has not begun.")
    .action(async (options: CommonOptions) => {
      setExitCode(1);
      try {
        const environment = readEnvironment();
        const config = loadConfig(process.env, options.dataDir);
        const document = await withDaemon(config, (daemon) => runJob(daemon, config, environment));
        print(options.json === true, document, `${document.run_id}: ${document.status}`);
        if (document.status === "completed") setExitCode(0);
      } catch (thrown) {
        note(`haystack: ${toHaystackError(thrown).message}`);
      }
    });
}

function readEnvironment(): JobEnvironment {
  const given = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ""));
  const parsed = jobEnvironmentSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
  throw new HaystackError("CONFIG_INVALID", `The environment lacks a usable ${names}; a job needs RUN_ID, and CONTROL_STRATEGY is synthetic_control or query_as_control.`);
}

const isOver = ({ status }: RunDocument): boolean => status === "completed" || status === "failed" || status === "cancelled";

async function runJob(daemon: Daemon, config: Config, { RUN_ID, USER_EMAIL, CONTROL_STRATEGY }: JobEnvironment): Promise<RunDocument> {
  const adjust = (document: RunDocument): RunDocument => ({
    ...document,
    user_email: USER_EMAIL ?? document.user_email,
    config: { ...document.config, control_strategy: CONTROL_STRATEGY ?? document.config.control_strategy },
  });
  const { document, inbox } = await findRun(daemon.runs, RUN_ID);
  const isRetried = document.status === "failed" && inbox.some(({ event }) => event.type === "retry.requested");
  if (isOver(document) && !isRetried) return document;
  return (await followToEnd(daemon, RUN_ID, () => adoptWhenFree(daemon, config, RUN_ID, adjust))).document;
}

/** An earlier process of this run may be gone while its lease lasts: waits that long before it calls the run hosted. */
async function adoptWhenFree(daemon: Daemon, config: Config, runId: string, adjust: (document: RunDocument) => RunDocument): Promise<void> {
  const patience = Date.now() + config.LEASE_SECONDS * 1_500;
  for (;;) {
    try {
      return await daemon.supervisor.adopt(runId, adjust);
    } catch (thrown) {
      if (toHaystackError(thrown).code !== "LEASE_LOST" || Date.now() > patience) throw thrown;
      await pause(PAUSE_MS);
    }
  }
}
