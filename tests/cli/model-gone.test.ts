import { expect, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { answersWith, startModelServer, type ModelServer } from "../support/model-server.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";

async function startGone() {
  const server = await startModelServer();
  server.models.clear();
  server.script(...Array.from({ length: 20 }, () => answersWith(404, {}, "model_not_found")));
  const env = {
    OPENAI_API_KEY: "sk-none",
    OPENAI_BASE_URL: server.baseURL,
    OPENAI_EMBEDDING_MODEL: "off",
  };
  return { server, env };
}

test("a run whose model is gone says so in its last lines and in status, and names the variable", async () => {
  const { server, env } = await startGone();
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  const place = ["--data-dir", dataDir];
  const ran = await haystack(["run", QUESTION, "--max-iterations", "1", ...place], {
    env: { ...env, COMPUTE_PROCESSES: "1" },
  });
  const said =
    /^! Language model: .*rules read the question.*MODEL_RETIRED.*gpt-6\.1-terra is not known.*OPENAI_MODEL/m;
  expect([ran.code, ran.stdout]).toEqual([0, expect.stringMatching(said)]);
  expect(ran.stdout.trimEnd().split("\n").slice(-4).join("\n")).toMatch(said);
  const runId = /results\/(run-\w+)\//.exec(ran.stdout)?.[1] ?? "";
  expect((await haystack(["status", runId, ...place])).stdout).toMatch(said);
  expect(server.calls.every(({ body }) => body.model === "gpt-6.1-terra")).toBe(true);
});

test.each([
  ["is gone", (server: ModelServer) => server.models.clear(), /gpt-6\.1-terra is not known/],
  [
    "soon will be",
    (server: ModelServer) => {
      server.models.add("gpt-6.1-terra");
      server.shutdowns.set(
        "gpt-6.1-terra",
        new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10),
      );
    },
    /gpt-6\.1-terra is shut down on [-\d]+, in 5 days/,
  ],
])("a daemon whose model %s says so when it starts", async (_, arrange, said) => {
  const { server, env } = await startGone();
  arrange(server);
  let isStopping = false;
  const { code } = await haystack(["serve", "--data-dir", await temporaryFolder()], {
    env: { ...env, HTTP_PORT: String(await freePort()), LOG_FORMAT: "plain" },
    onStderr(text, kill) {
      if (isStopping || !said.test(text) || !text.includes("answers at")) return;
      isStopping = true;
      kill("SIGTERM");
    },
  });
  expect(code).toBe(0);
});
