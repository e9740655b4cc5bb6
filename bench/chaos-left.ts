import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dataFolder } from "../adapters/data-folder.ts";
import { jobRoot, readHistory } from "../services/batch/local/job.ts";
import { TERMINAL_JOB_STATES } from "../services/batch/index.ts";
import type { RunStore } from "../services/runs/index.ts";

/** What daemons that have stopped, and one that has started since, may not leave. */
export interface Left {
  /** Processes that outlive the daemons, by id and command. */
  readonly orphans: readonly string[];
  /** Leases, events, mails and jobs that nobody deals with any more, and unfinished files. */
  readonly leftovers: readonly string[];
}

/** For how long a process that has nobody left may take to see that. */
const ENDS_WITHIN_MS = 20_000;

async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const [command = "", environment = ""] = await Promise.all(
      ["cmdline", "environ"].map((file) =>
        readFile(`/proc/${pid}/${file}`, "utf8").catch(() => ""),
      ),
    );
    if (`${command}${environment}`.includes(folder))
      found.push(`${pid} ${command.replaceAll("\0", " ").trim()}`);
  }
  return found;
}

/** Processes that have the folder in their command or environment once all had time to end. */
export async function orphansOf(folder: string, withinMs = ENDS_WITHIN_MS): Promise<string[]> {
  const until = performance.now() + withinMs;
  for (;;) {
    const left = await processesOf(folder);
    if (left.length === 0 || performance.now() > until) return left;
    await pause(200);
  }
}

export function killOrphans(orphans: readonly string[]): void {
  for (const orphan of orphans) process.kill(Number.parseInt(orphan, 10), "SIGKILL");
}

async function leftInStore(store: RunStore, runIds: readonly string[]): Promise<string[]> {
  const left: string[] = [];
  for (const runId of runIds) {
    const record = await store.get(runId);
    if (record === undefined) continue;
    if (record.lease !== null && record.lease.expires_at > Date.now())
      left.push(`${runId}: a lease of ${record.lease.owner}`);
    if (record.inbox.length > 0) left.push(`${runId}: ${record.inbox.length} events`);
    for (const { state, key } of record.outbox)
      if (state === "owed") left.push(`${runId}: the mail ${key}`);
  }
  return left;
}

async function leftInFolder(dataDir: string): Promise<string[]> {
  const { jobs: batch, objects, mail } = dataFolder({ dataDir });
  const { jobs, drafts } = jobRoot(batch);
  const left: string[] = [];
  const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
  for (const name of await names(jobs)) {
    const state = (await readHistory(join(jobs, name))).at(-1)?.state;
    if (state === undefined || !TERMINAL_JOB_STATES.has(state)) left.push(`job ${name}: ${state}`);
  }
  for (const folder of [drafts, join(objects, ".scratch")])
    left.push(...(await names(folder)).map((name) => join(folder, name)));
  for (const name of await names(mail)) if (!name.endsWith(".eml")) left.push(join(mail, name));
  for (const entry of await readdir(objects, { recursive: true }).catch(() => []))
    if (/\.part$|\.tmp$/.test(entry)) left.push(join(objects, entry));
  return left;
}

export const leftoversOf = async (
  store: RunStore,
  dataDir: string,
  runIds: readonly string[],
): Promise<string[]> => [...(await leftInStore(store, runIds)), ...(await leftInFolder(dataDir))];
