import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { openRuns } from "../../adapters/runs.ts";
import type { Config } from "../../config.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { RunRecord } from "../../services/runs/index.ts";
import { haystack } from "../support/command-line.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { heldProgram } from "../support/held-program.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";

const storedRun = async (config: Config, runId: string): Promise<RunRecord | undefined> => {
  const store = await openRuns(config);
  try {
    return await store.get(runId);
  } finally {
    await store.close();
  }
};

const submit = async (url: string): Promise<string> => {
  const body = JSON.stringify({
    query: QUESTION,
    config: { prompt_cells: 20, query_cells: 20, control_strategy: "query_as_control" },
  });
  const answer = await fetch(`${url}/api/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return ((await answer.json()) as RunDocument).run_id;
};

/**
 * A language model that takes questions and never answers; `asked` resolves at the first, `left`
 * when its caller has hung up.
 */
async function silentModel() {
  const [asked, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server = createServer((request) => {
    request.on("error", () => undefined).resume();
    if (request.method !== "POST") return;
    request.socket.once("close", left.resolve);
    asked.resolve();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked: asked.promise,
    left: left.promise,
  };
}

test("a second daemon on the same SQLite runs is refused in one sentence, and the first goes on", async () => {
  const { config, url, serve } = await daemonPlace();
  const first = await serve();
  const { code, stdout, stderr } = await haystack(["serve", "--data-dir", config.dataDir], {
    env: { HTTP_PORT: "0", LOG_FORMAT: "plain" },
  });
  expect([code, stdout, stderr]).toEqual([
    1,
    "",
    `haystack: Another daemon hosts the runs of ${config.dataDir}; stop it, choose another --data-dir, or set MONGODB_URI to share runs between daemons.\n`,
  ]);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(await first("SIGTERM")).toMatchObject({ code: 0 });
  const again = await serve();
  expect(await again("SIGTERM")).toMatchObject({ code: 0 });
});

test.each([
  [
    "a step under way",
    async () => {
      const { url, asked, left } = await silentModel();
      return {
        env: { OPENAI_API_KEY: "none", OPENAI_BASE_URL: url, GRACE_SECONDS: "600" },
        underWay: asked,
        ended: left,
      };
    },
  ],
  [
    "a job under way",
    async () => {
      const { command, next } = await heldProgram();
      const job = next();
      return {
        env: { INFERENCE_COMMAND: command, GRACE_SECONDS: "600" },
        underWay: job,
        ended: Promise.resolve(),
      };
    },
  ],
])(
  "SIGTERM with %s: the step is aborted, leases are released, and the daemon exits with 0 before its time is over",
  async (_, begin) => {
    const { env, underWay, ended } = await begin();
    const { config, url, serve } = await daemonPlace(env);
    const stop = await serve();
    const runId = await submit(url);
    await underWay;
    const { code, stderr } = await stop("SIGTERM");
    await ended;
    expect(code).toBe(0);
    expect(stderr).not.toContain("grace period");
    expect(await storedRun(config, runId)).toMatchObject({
      document: { status: "running" },
      lease: null,
    });
  },
);
