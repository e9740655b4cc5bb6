import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import { simulate } from "../../actors/tasks.ts";
import { openEvents, type EventStreamClient } from "../support/event-stream.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

export const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
export const ADA = "ada@example.org";
export const BO = "bo@example.org";

/** A program that takes a job and never ends it. */
export const ENDLESS_COMMAND = `"${process.execPath}" -e "setInterval(() => undefined, 1000)" {prompt} {query} {output} {seed}`;
/** A program that fails at once. */
export const FAILING_COMMAND = `"${process.execPath}" -e "process.exit(3)" {prompt} {query} {output} {seed}`;

export interface Caller {
  readonly token: string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  events(runId: string, lastEventId?: string): Promise<EventStreamClient>;
  /** Submits and answers with the run. */
  submit(body?: Readonly<Record<string, unknown>>): Promise<RunDocument>;
}

export interface ApiServer extends TestServer {
  caller(owner: string, role?: "user" | "admin"): Promise<Caller>;
}

export async function startApi(
  env: Readonly<Record<string, string>> = {},
  { withAtlas = false } = {},
): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-api-"));
  const server = await startTestServer({
    dataDir: folder,
    env: { AUTH: "token", MAX_ACTIVE_RUNS: "8", RECONCILE_SECONDS: "1", ...env },
  });
  if (withAtlas) {
    const file = join(folder, "simulated.h5ad");
    await simulate({ file, options: { seed: 1, nGenes: 500, cellsPerGroup: 8, nDonors: 2 } });
    await server.daemon.atlases.import({ source: file });
  }
  return {
    ...server,
    async close() {
      await server.close();
      // Jobs outlive the daemon: one may still be writing.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
    async caller(owner, role = "user") {
      const token = await server.token(owner, role);
      const url = `${server.url}/api/v1`;
      const authorization = `Bearer ${token}`;
      const post: Caller["post"] = (path, body, headers = {}) =>
        fetch(`${url}${path}`, {
          method: "POST",
          headers: {
            authorization,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
      return {
        token,
        post,
        get: (path, headers = {}) =>
          fetch(`${url}${path}`, { headers: { authorization, ...headers } }),
        events: (runId, lastEventId) =>
          openEvents(`${url}/runs/${runId}/events`, {
            token,
            ...(lastEventId === undefined ? {} : { lastEventId }),
          }),
        async submit(body = {}) {
          const response = await post("/runs", { query: QUESTION, ...body });
          if (response.status !== 201)
            throw new Error(`The run was not taken: ${response.status} ${await response.text()}`);
          return (await response.json()) as RunDocument;
        },
      };
    },
  };
}

/** A run that has ended, as an earlier process left it. */
export const pastRun = (
  run_id: string,
  user_email: string,
  changes: Partial<RunDocument> = {},
): RunDocument => ({
  ...newRun({
    run_id,
    query: QUESTION,
    user_email,
    config: {},
    random_seed: 1,
    now: 1_800_000_000_000,
  }),
  status: "completed",
  current_phase: null,
  ...changes,
});
