import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Basis } from "../../science/report/basis.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { mailTexts } from "../support/mail-files.ts";
import { startTestServer } from "../support/server.ts";

const QUESTION = "How would CD14+ monocytes of the lung respond to 10 ng/mL IFN-beta?";
const CAUTIONS = ["Baseline model", "Simulated data", "Not used", "Language model"];
const OF_A_STAND_IN = "How would CD14+ monocytes respond to IFN-omega?";

/** Answers 404 to everything, as a wrong OPENAI_BASE_URL does. */
async function startStranger(): Promise<string> {
  const server = createServer((_, response) => response.writeHead(404).end());
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

const cautionsOf = (lines: readonly Basis[]): string[] => [
  ...new Set(lines.filter(({ caution }) => caution).map(({ title }) => title)),
];
const cautionsIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/^! ([^:]+):/gm)].map(([, title = ""]) => title)),
];

test("a check says what would stand in for the asked perturbation, and of the asked one nothing", async () => {
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  const check = async (question: string): Promise<string> =>
    (await haystack(["check", question, "--data-dir", dataDir])).stdout;
  expect(await check(OF_A_STAND_IN)).toMatch(
    /^! Stand-in: Interferon \w+ stands in for Interferon omega, of which the atlas has no cells; /m,
  );
  expect(await check(QUESTION)).not.toContain("Stand-in");
});

test.each([
  [QUESTION, CAUTIONS],
  [OF_A_STAND_IN, ["Baseline model", "Stand-in", "Lower confidence"]],
])(
  "run, status, list, API and mail all say what the answer to %j rests on, and one score",
  async (question, expected) => {
    const dataDir = await temporaryFolder();
    await simulatedAtlas(dataDir);
    const env = {
      COMPUTE_PROCESSES: "1",
      OPENAI_API_KEY: "sk-none",
      OPENAI_BASE_URL: await startStranger(),
    };
    const place = ["--data-dir", dataDir];
    const ran = await haystack(
      ["run", question, "--email", "ada@example.org", "--max-iterations", "2", ...place],
      { env },
    );
    expect([ran.code, cautionsIn(ran.stdout)]).toEqual([0, expect.arrayContaining(expected)]);
    const runId = /results\/(run-\w+)\//.exec(ran.stdout)?.[1] ?? "";

    const cautions = cautionsIn(ran.stdout);
    const status = await haystack(["status", runId, ...place]);
    expect(cautionsIn(status.stdout)).toEqual(cautions);
    for (const args of [["status", runId], ["list"]]) {
      const { stdout } = await haystack([...args, "--json", ...place]);
      const answer = JSON.parse(stdout) as { rests_on: Basis[]; runs?: { rests_on: Basis[] }[] };
      expect(cautionsOf((answer.runs?.[0] ?? answer).rests_on)).toEqual(cautions);
    }

    const [mail = ""] = await mailTexts(dataDir);
    for (const title of cautions) expect(mail).toContain(`${title.toUpperCase()}: `);

    const score = /grounding score (\d+)\/10/.exec(ran.stdout)?.[1];
    expect(ran.stderr).toContain(`completed, score ${score}\n`);
    expect(status.stdout).toContain(`Score: ${score}/10`);

    const server = await startTestServer({ dataDir });
    onTestFinished(() => server.close());
    for (const path of [`/runs/${runId}`, `/runs/${runId}/result`]) {
      const response = await fetch(`${server.url}/api/v1${path}`);
      const { rests_on } = (await response.json()) as { rests_on: Basis[] };
      expect(cautionsOf(rests_on)).toEqual(cautions);
    }
  },
);
