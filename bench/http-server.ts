import Fastify from "fastify";
import { tmpdir } from "node:os";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createCommitFeed } from "../actors/watch/commit-feed.ts";
import { loadConfig } from "../config.ts";
import { openDaemon } from "../daemon.ts";
import { issueToken } from "../server/access/tokens.ts";
import { serve } from "../serve.ts";
import { newRun, type RunDocument } from "../services/runs/document.ts";
import { scriptedEffects } from "../tests/support/scripted-effects.ts";
import { hostNoOps } from "./durability-host.ts";

/**
 * The daemon of the HTTP benchmark, in a process of its own: 100 runs at work, the others at rest;
 * beside it a bare Fastify route.
 */

export interface ServerReady {
  readonly url: string;
  readonly bareUrl: string;
  readonly token: string;
  readonly resting: readonly string[];
  readonly working: readonly string[];
  readonly waiting: readonly string[];
}
export type ServerMessage =
  | { readonly ready: ServerReady }
  | { readonly cancelledJobsOf: string; readonly at: number }
  | { readonly memoryMb: number };

export interface ServerSettings {
  readonly runs: number;
  readonly working: number;
  readonly waiting: number;
  readonly streams: number;
}

const { runs, working, waiting, streams } = JSON.parse(process.argv[2] ?? "{}") as ServerSettings;
const STEP_MS = 1_000;
const OWNER = "bench@example.org";

const tell = (message: ServerMessage): void => void process.send?.(message);
const folder = await mkdtemp(join(tmpdir(), "haystack-bench-http-"));
const config = loadConfig(
  {
    HTTP_PORT: "0",
    AUTH: "token",
    HTTP_REQUESTS_PER_MINUTE: "1000000",
    HTTP_STREAMS: String(streams),
    HTTP_STREAMS_PER_USER: String(streams),
    COMPUTE_PROCESSES: "1",
  },
  folder,
);
const daemon = await openDaemon(config, {
  sweeps: false,
  onTrouble(error) {
    throw error;
  },
});

const isWaiting = (text: string): boolean => text.includes("wait-");
const scripted = scriptedEffects({
  now: Date.now,
  scores: [1],
  before: (effect) =>
    isWaiting(effect)
      ? undefined
      : new Promise((resolve) => setTimeout(resolve, STEP_MS * (0.5 + Math.random()))),
});
const LATER_MS = 3_600_000;
const commits = createCommitFeed((error) => {
  throw error;
});
const { supervisor } = hostNoOps(daemon.runs, {
  effects: {
    ...scripted,
    async submitJob(input, context) {
      return {
        ...(await scripted.submitJob(input, context)),
        ...(isWaiting(input.job.job_id) ? { check_at: Date.now() + LATER_MS } : {}),
      };
    },
    async cancelJobs(input, context) {
      await context.quiesce();
      tell({ cancelledJobsOf: input.job_ids[0] ?? "", at: Date.now() });
      return { remaining: [], asked_at: Date.now(), check_at: Date.now(), run_seconds: {} };
    },
  },
  onCommitted: commits.publish,
});
await supervisor.start();
const server = await serve(config, { ...daemon, supervisor, commits });

const newBenchRun = (run_id: string): RunDocument =>
  newRun({
    run_id,
    query: "How would B cells respond to IFN-beta?",
    user_email: OWNER,
    config: { score_threshold: 10, plateau_window: 20, max_iterations: 20, min_improvement: 0 },
    random_seed: 1,
    now: Date.now(),
  });
const named = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${kind}-${index}`);

const resting = named("rest", runs - working);
for (const run_id of resting)
  await daemon.runs.insert({
    ...newBenchRun(run_id),
    status: "completed",
    current_phase: null,
    final_score: 8,
    grounding_scores: [5, 8],
  });
const workingRuns = named("work", working);
const waitingRuns = named("wait", waiting);
for (const run_id of [...workingRuns, ...waitingRuns]) await supervisor.submit(newBenchRun(run_id));

const sample = (await daemon.runs.get(resting[0] ?? ""))?.document;
const bare = Fastify();
bare.get("/run/:id", async () => sample);
const bareUrl = await bare.listen({ host: "127.0.0.1", port: 0 });
const { secret } = await issueToken(server.parts.access, {
  owner: OWNER,
  role: "user",
  days: 1,
  now: Date.now(),
});
tell({
  ready: {
    url: server.url,
    bareUrl,
    token: secret,
    resting,
    working: workingRuns,
    waiting: waitingRuns,
  },
});

const memory = setInterval(
  () => tell({ memoryMb: Math.round(process.memoryUsage().rss / 1e6) }),
  1_000,
);
await new Promise((stop) => process.once("message", stop));
clearInterval(memory);
await server.close();
await bare.close();
await supervisor.stop();
await daemon.close();
await rm(folder, { recursive: true, force: true });
process.disconnect();
