import { expect, test } from "vitest";
import { HaystackError } from "../../errors.ts";
import { createLogger } from "../../insight/logging.ts";
import { traceIdOf } from "../../insight/trace-id.ts";
import { openEvents } from "../support/event-stream.ts";
import { startTestServer } from "../support/server.ts";
import { ADA, pastRun } from "./api-harness.ts";

const PATIENCE = { timeout: 60_000 };
const RUN = "run-a";
const ABOUT = { run_id: RUN, trace_id: traceIdOf(RUN) };

const SOME = {
  time: expect.any(String) as string,
  pid: process.pid,
  request_id: expect.stringMatching(/^req-/) as string,
};
/** The whole line of an answered request. */
const answered = (route: string, status: number, about: object = ABOUT, method = "GET") => ({
  ...SOME,
  ...about,
  level: "info",
  method,
  route,
  status,
  milliseconds: expect.any(Number) as number,
  msg: `${method} ${route} ${status}`,
});

async function startLogged() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: "info",
    format: "json",
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const server = await startTestServer({ logger });
  /** The line of the log that is the first with that message, as soon as it is written. */
  const line = async (msg: string): Promise<Record<string, unknown>> => {
    await expect.poll(() => lines.map((written) => written["msg"]), PATIENCE).toContain(msg);
    return lines.find((written) => written["msg"] === msg) ?? {};
  };
  const get = async (path: string): Promise<number> => {
    const response = await fetch(`${server.url}${path}`);
    await response.text();
    return response.status;
  };
  const inserted = (changes: Parameters<typeof pastRun>[2] = {}): Promise<void> =>
    server.daemon.runs.insert(pastRun(RUN, ADA, changes), {
      owner: "elsewhere",
      expires_at: Date.now() + 600_000,
    });
  return { ...server, lines, line, get, inserted };
}

test("a request about a run is a line with its id and its trace; other addresses add nothing", async () => {
  const { get, line, inserted, lines } = await startLogged();
  await inserted();
  expect([
    await get(`/api/v1/runs/${RUN}`),
    await get(`/admin/runs/${RUN}/history`),
    await get("/api/v1/runs/s3cret_%20token"),
    await get("/api/v1/runs"),
  ]).toEqual([200, 200, 404, 200]);
  expect(await line("GET /api/v1/runs/:id 200")).toEqual(answered("/api/v1/runs/:id", 200));
  expect(await line("GET /admin/runs/:id/history 200")).toEqual(
    answered("/admin/runs/:id/history", 200),
  );
  expect(await line("GET /api/v1/runs/:id 404")).toEqual(answered("/api/v1/runs/:id", 404, {}));
  expect(await line("GET /api/v1/runs 200")).toEqual(answered("/api/v1/runs", 200, {}));
  expect(JSON.stringify(lines)).not.toContain("s3cret");
});

test("a request about a run that fails here says of which run it was", async () => {
  const { daemon, get, line } = await startLogged();
  await daemon.runs.close();
  expect(await get(`/api/v1/runs/${RUN}`)).toBe(503);
  expect(await line("A request failed")).toEqual({
    ...SOME,
    ...ABOUT,
    level: "error",
    code: "STORE_UNAVAILABLE",
    problem: expect.stringContaining("HaystackError: ") as string,
    method: "GET",
    path: `/api/v1/runs/${RUN}`,
    msg: "A request failed",
  });
});

test("a link that cannot be signed is a line with the run and its trace", async () => {
  const { parts, get, line, inserted } = await startLogged();
  Object.assign(parts.objects, {
    signedUrl: () => Promise.reject(new HaystackError("OBJECTS_UNAVAILABLE", "No key signs here.")),
  });
  const iteration = {
    iteration: 1,
    prompt_strategy: "direct" as const,
    prompt_rationale: "",
    candidate_id: "c",
    prompt_cells: 20,
    query_cells: 20,
    score: 8,
    component_scores: {},
    confidence: "normal" as const,
    feedback: [],
    top_genes: [],
    enriched_pathways: [],
  };
  await inserted({ iterations: [iteration], delivered_iteration: 1 });
  expect(await get(`/api/v1/runs/${RUN}/result`)).toBe(200);
  const { request_id: _, ...withoutRequest } = SOME;
  expect(await line("no signed link could be made")).toEqual({
    ...withoutRequest,
    ...ABOUT,
    level: "warn",
    err: {
      type: "HaystackError",
      code: "OBJECTS_UNAVAILABLE",
      message: "No key signs here.",
      stack: expect.any(String) as string,
    },
    msg: "no signed link could be made",
  });
});

test("an event stream that its reader leaves is counted and is a line, with how long it was open", async () => {
  const { url, get, line, inserted, lines } = await startLogged();
  await inserted({ status: "running", current_phase: "inference" });
  const stream = await openEvents(`${url}/api/v1/runs/${RUN}/events`);
  await stream.until(({ event }) => event === "run");
  const series =
    'haystack_http_requests_total{method="GET",route="/api/v1/runs/:id/events",status="200"}';
  const numbers = async (): Promise<string> => (await fetch(`${url}/metrics`)).text();
  expect(await numbers()).not.toContain(series);
  stream.close();
  expect(await line("GET /api/v1/runs/:id/events 200")).toEqual(
    answered("/api/v1/runs/:id/events", 200),
  );
  expect(await numbers()).toContain(`${series} 1`);
  await get("/livez");
  expect(lines.filter(({ msg }) => msg === "GET /api/v1/runs/:id/events 200")).toHaveLength(1);
});

test("a request whose asker leaves before the answer counts as 499", async () => {
  const { parts, url, line } = await startLogged();
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
  held.promise.catch(() => undefined);
  Object.assign(parts.runs, { get: () => (asked.resolve(), held.promise) });
  const leaving = new AbortController();
  const answer = fetch(`${url}/api/v1/runs/${RUN}`, { signal: leaving.signal }).catch(() => "left");
  await asked.promise;
  leaving.abort();
  expect(await answer).toBe("left");
  expect(await line("GET /api/v1/runs/:id 499")).toEqual(answered("/api/v1/runs/:id", 499));
  held.reject(new HaystackError("STORE_UNAVAILABLE", "The test is over."));
});
