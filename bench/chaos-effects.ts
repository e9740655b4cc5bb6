import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readH5ad } from "../science/anndata/read.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { RunStore } from "../services/runs/index.ts";
import { dataFolder } from "../adapters/data-folder.ts";
import { jobRoot, readHistory } from "../services/batch/local/job.ts";
import { executionsLog } from "./chaos-daemon.ts";
import type { Left } from "./chaos-left.ts";
import type { ChaosFolders } from "./chaos-run.ts";

/**
 * What the daemons really did, counted from outside: the inference program's own log, the mail
 * folder, the result files.
 */

export interface Effects {
  readonly completed: number;
  /** Runs that failed or were cancelled, by id. */
  readonly failed: readonly string[];
  /** Runs that are gone, do not rest, or say completed without readable results and their mail. */
  readonly lost: readonly string[];
  /** Executions for the same job and output beyond the first. */
  readonly duplicate_jobs: number;
  /** Mails of a run beyond the first. */
  readonly duplicate_mails: number;
  readonly job_executions: number;
  /** Of the executions those of a job that failed, whose output another attempt made. */
  readonly interrupted: number;
  /** Predictions that the iterations need: one a prompt, and one more under synthetic control. */
  readonly jobs_needed: number;
}

/**
 * Every run was completed, none was lost, nothing was done twice, nothing is left, and nothing was
 * predicted that no iteration needed. A job that a fault struck is made again under another name, and
 * predicts again the one pair that was under way: what was stored is found.
 */
export const isSound = ({
  runs,
  completed,
  lost,
  duplicate_jobs,
  duplicate_mails,
  jobs_needed,
  job_executions,
  interrupted,
  orphans,
  leftovers,
}: Effects & Left & { readonly runs: number }): boolean =>
  completed === runs &&
  lost.length === 0 &&
  duplicate_jobs === 0 &&
  duplicate_mails === 0 &&
  job_executions - interrupted === jobs_needed &&
  orphans.length === 0 &&
  leftovers.length === 0;

const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

export const mailsIn = async (dataDir: string): Promise<string[]> =>
  (await readdir(join(dataDir, "mail")).catch(() => [])).filter((name) => name.endsWith(".eml"));

/** Occurrences of a key beyond its first. */
const repeated = (keys: readonly string[]): number => keys.length - new Set(keys).size;

async function hasResults({
  run_id,
  output_anndata_path,
  output_report_path,
  output_log_path,
}: RunDocument): Promise<boolean> {
  if (output_anndata_path === null || output_report_path === null || output_log_path === null)
    return false;
  try {
    const { obs } = await readH5ad(output_anndata_path);
    const log = JSON.parse(await readFile(output_log_path, "utf8")) as { run_id?: unknown };
    return (
      obs.index.length > 0 &&
      log.run_id === run_id &&
      (await readFile(output_report_path, "utf8")).includes("</html>")
    );
  } catch {
    return false;
  }
}

/** A mail of the run to its user. */
async function hasMail({ run_id, user_email }: RunDocument, dataDir: string): Promise<boolean> {
  const [name] = (await mailsIn(dataDir)).filter((mail) => mail.startsWith(`${run_id}.`));
  if (name === undefined || user_email === null) return false;
  const text = await readFile(join(dataDir, "mail", name), "utf8");
  return text.split("\r\n").some((line) => line.startsWith("To: ") && line.includes(user_email));
}

/** Each execution is "JOB OUTPUT". */
async function interruptedOf(executions: readonly string[], dataDir: string): Promise<number> {
  const { jobs } = jobRoot(dataFolder({ dataDir }).jobs);
  const byOutput = Map.groupBy(executions, (line) => line.split(" ")[1]);
  let interrupted = 0;
  for (const attempts of byOutput.values())
    for (const [job = ""] of attempts.slice(0, -1).map((line) => line.split(" ")))
      if ((await readHistory(join(jobs, job))).at(-1)?.state === "FAILED") interrupted += 1;
  return interrupted;
}

/** Predictions that the iterations of a run need: of several prompts each, equal controls once. */
const pairsOf = ({ iterations, control_strategy_effective }: RunDocument): number =>
  iterations.reduce(
    (sum, { prompts }) =>
      sum +
      (prompts === undefined
        ? control_strategy_effective === "synthetic_control"
          ? 2
          : 1
        : new Set(prompts.flatMap(({ prediction, control }) => [prediction, control ?? prediction]))
            .size),
    0,
  );

export async function countEffects(
  store: RunStore,
  { dataDir, witness }: ChaosFolders,
  runIds: readonly string[],
): Promise<Effects> {
  const executions = await linesOf(executionsLog(witness));
  const mailed = (await mailsIn(dataDir)).map((name) => name.split(".")[0] ?? "");
  const lost: string[] = [];
  const failed: string[] = [];
  let completed = 0;
  let jobsNeeded = 0;
  for (const runId of runIds) {
    const document = (await store.get(runId))?.document;
    jobsNeeded += document === undefined ? 0 : pairsOf(document);
    if (document?.status === "failed" || document?.status === "cancelled")
      failed.push(`${runId}: ${document.error_message ?? document.status}`);
    else if (
      document?.status === "completed" &&
      (await hasMail(document, dataDir)) &&
      (await hasResults(document))
    )
      completed += 1;
    else lost.push(runId);
  }
  return {
    completed,
    failed,
    lost,
    duplicate_jobs: repeated(executions),
    duplicate_mails: repeated(mailed),
    job_executions: executions.length,
    interrupted: await interruptedOf(executions, dataDir),
    jobs_needed: jobsNeeded,
  };
}
