import { execFile } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { createServer } from "../../server/app.ts";
import type { ShownCheck } from "../../server/questions/shown-check.ts";
import type { JobOffer } from "../../services/batch/index.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { placeOf } from "../support/describe-with.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithPython } from "../support/python.ts";
import { PYTHON } from "../support/real-parts.ts";
import { startTestServer } from "../support/server.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
const MISSPELT = "How would CD14+ monocytes respond to interferron beta?";
const OFFER: JobOffer = {
  machine: "g2-standard-8 with 1 nvidia-l4",
  provisioning: "STANDARD",
  usd_per_hour: 0.72,
};
// 540 s to start and 2 x 30 s to predict, 60 s between; 1, 2 and 5 iterations; 2/3 to 5/3.
const TOLD =
  "It is likely to take 22 minutes (7 to 92) once it begins, by what is assumed of a GPU job, as no completed run tells it for the machines that are offered now. It is likely to cost 0.24 USD (0.08 to 1.00).";

/** The address of a server with an atlas whose jobs would be on a machine that costs money. */
async function pricedServer(): Promise<string> {
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  const { parts } = await startTestServer({ dataDir });
  const batch = { ...parts.batch, predictor: "an image", offer: () => OFFER };
  const app = await createServer({ ...parts, batch });
  onTestFinished(() => app.close());
  return app.listen({ host: "127.0.0.1", port: 0 });
}

test("a check prints the minutes and the dollars that a run is likely to take", async () => {
  const url = await pricedServer();
  const { code, stdout } = await haystack(["check", QUESTION, "--server", url]);
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n").slice(-2)).toEqual([TOLD, "It can be answered."]);

  const few = await haystack(["check", QUESTION, "--max-iterations", "1", "--server", url]);
  expect(few.stdout).toContain("It is likely to take 11 minutes (7 to 18) once it begins");
  expect(few.stdout).toContain("It is likely to cost 0.12 USD (0.08 to 0.20).");

  const json = await haystack(["check", QUESTION, "--server", url, "--json"]);
  const { estimate } = JSON.parse(json.stdout) as ShownCheck;
  expect([estimate?.in_words, estimate?.minutes?.likely, estimate?.usd?.likely]).toEqual([
    TOLD,
    expect.closeTo(22, 9),
    expect.closeTo(0.24, 9),
  ]);
});

test("a run of this machine says what it will take before it begins, by what ran here", async () => {
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  const ask = (command: string) =>
    haystack([command, QUESTION, "--max-iterations", "1", "--data-dir", dataDir], {
      env: { COMPUTE_PROCESSES: "1" },
    });
  const unknown =
    "How long it takes is not known: no run of its kind has been completed here. It costs nothing.";
  expect((await ask("check")).stdout.split("\n")).toContain(unknown);
  const first = await ask("run");
  expect([first.code, first.stderr.split("\n")[0]]).toEqual([0, unknown]);
  const known =
    /^It is likely to take .* minutes? .*once it begins, by the one completed run of its kind\. It costs nothing\.$/m;
  expect((await ask("check")).stdout).toMatch(known);
});

describeWithPython("on a terminal", () => {
  test("submit says it before it asks", async () => {
    const url = await pricedServer();
    const args = ["tests/support/answer-on-terminal.py", "[y/N]", "n", process.execPath];
    const submit = ["cli/haystack.ts", "submit", MISSPELT, "--server", url];
    const shown = await new Promise<{ readonly code: unknown; readonly text: string }>((resolve) =>
      execFile(placeOf(PYTHON), [...args, ...submit], (error, text) =>
        resolve({ code: error?.code ?? 0, text }),
      ),
    );
    expect(shown.code).toBe(2);
    expect(shown.text.replaceAll("\r", "").split("\n")).toContain(TOLD);
  });
});
