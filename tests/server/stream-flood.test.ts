import { execFileSync } from "node:child_process";
import pLimit from "p-limit";
import { expect, test } from "vitest";
import { openStream, type StreamReader } from "../../bench/http-streams.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { heldProgram } from "../support/held-program.ts";
import { ADA, QUESTION } from "./api-harness.ts";

/** Each takes a descriptor of the server and one of the readers. */
const STREAMS = Math.min(10_000, mostOpenFiles() - 500);
/** Connections that are being made at the same time; more would wait in the kernel. */
const OPENING = 400;
/** An answer that takes so long is none. */
const PATIENCE_MS = 10_000;
/** The server's heap; a daemon that wants more of it ends, whatever the machine does meanwhile. */
const HEAP_MEGABYTES = 512;

function mostOpenFiles(): number {
  const limit = Number(execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }));
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

/**
 * A daemon in its own process, so that server and readers each have the descriptors of a process,
 * and a run of Ada's whose job goes on until it is cancelled.
 */
async function daemonWithRun(env: Readonly<Record<string, string>>) {
  const { command, next } = await heldProgram();
  const { url, tokens, serve } = await daemonPlace({
    AUTH: "token",
    INFERENCE_COMMAND: command,
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES}`,
    ...env,
  });
  const stop = await serve();
  const [token = ""] = await tokens([ADA], "admin");
  const job = next();
  const ask = (
    path: string,
    init: {
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    } = {},
  ): Promise<Response> =>
    fetch(`${url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  const submitted = await ask("/api/v1/runs", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query: QUESTION,
      config: { prompt_cells: 20, query_cells: 20, control_strategy: "query_as_control" },
    }),
  });
  const { run_id } = (await submitted.json()) as RunDocument;
  await job;
  return { url, token, tokens, stop, ask, run_id };
}
type Daemon = Awaited<ReturnType<typeof daemonWithRun>>;

/**
 * Asks for so many streams, each with the next of the tokens, while health and the run are asked
 * for all the time.
 */
async function flood(
  { url, ask, run_id }: Daemon,
  tokens: readonly string[],
  onStatus: (status: string, reader: number) => void,
): Promise<{ readonly streams: readonly StreamReader[]; readonly reads: readonly number[] }> {
  const reads: number[] = [];
  let isOver = false;
  const readOn = async (): Promise<void> => {
    while (!isOver)
      for (const path of ["/livez", `/api/v1/runs/${run_id}`]) reads.push((await ask(path)).status);
  };
  const few = pLimit(OPENING);
  const opening = Promise.all(
    Array.from({ length: STREAMS }, (_, index) =>
      few(() =>
        openStream({
          url,
          token: tokens[index % tokens.length] ?? "",
          runId: run_id,
          onStatus: (status) => onStatus(status, index),
        }),
      ),
    ),
  );
  const [streams] = await Promise.all([opening.finally(() => (isOver = true)), readOn()]);
  return { streams, reads };
}

const counted = (statuses: readonly number[]) =>
  Object.fromEntries(
    [...Map.groupBy(statuses, (status) => status)].map(([status, all]) => [status, all.length]),
  );

test(`of ${STREAMS} streams as many are served as there may be, the others are refused, and the server goes on answering`, async () => {
  const limits = {
    HTTP_STREAMS: "1000",
    HTTP_STREAMS_PER_USER: "20",
    HTTP_REQUESTS_PER_MINUTE: "100000",
  };
  const daemon = await daemonWithRun(limits);
  const owners = Array.from({ length: 100 }, (_, index) => `reader-${index}@example.org`);
  const { streams, reads } = await flood(
    daemon,
    await daemon.tokens(owners, "admin"),
    () => undefined,
  );
  expect(counted(streams.map(({ status }) => status))).toEqual({
    200: 1_000,
    429: STREAMS - 1_000,
  });
  expect(Object.keys(counted(reads))).toEqual(["200"]);
  for (const stream of streams) stream.close();
  await expect
    .poll(async () => {
      const again = await openStream({
        url: daemon.url,
        token: daemon.token,
        runId: daemon.run_id,
      });
      again.close();
      return again.status;
    })
    .toBe(200);
  expect(await daemon.stop("SIGTERM")).toMatchObject({ code: 0 });
});

test(`${STREAMS} streams are held where so many are allowed, and each shows what is committed`, async () => {
  const most = String(STREAMS);
  const daemon = await daemonWithRun({
    HTTP_STREAMS: most,
    HTTP_STREAMS_PER_USER: most,
    HTTP_REQUESTS_PER_MINUTE: "100000",
  });
  const told = new Set<number>();
  const all = Promise.withResolvers<void>();
  const { streams, reads } = await flood(daemon, [daemon.token], (status, reader) => {
    if (status === "cancelled") told.add(reader);
    if (told.size === STREAMS) all.resolve();
  });
  expect(counted(streams.map(({ status }) => status))).toEqual({ 200: STREAMS });
  expect(Object.keys(counted(reads))).toEqual(["200"]);
  expect(
    (await daemon.ask(`/api/v1/runs/${daemon.run_id}/cancel`, { method: "POST" })).status,
  ).toBe(202);
  await all.promise;
  expect((await daemon.ask("/livez")).status).toBe(200);
  expect(await daemon.stop("SIGTERM")).toMatchObject({ code: 0 });
});
