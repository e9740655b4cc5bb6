import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { WORKER_EXIT_CODES } from "../../services/batch/worker-contract.ts";
import { ADA, startApi } from "../server/api-harness.ts";

test("both sides of the contract have the same exit codes", () => {
  const python = readFileSync("worker/haystack_worker/failure.py", "utf8");
  const [, body = ""] = /class ExitCode\(IntEnum\):\n((?: {4}\w+ = \d+\n)+)/.exec(python) ?? [];
  const codes = [...body.matchAll(/(\w+) = (\d+)/g)].map(([, name, code]) => [name, Number(code)]);
  expect(codes).toEqual(Object.entries(WORKER_EXIT_CODES));
});

test("input that the worker refuses on this machine fails the run at once, for the worker's own reason", async () => {
  const refuses = `"${process.execPath}" -e "console.error('haystack-worker: The prompt has no cells'); process.exit(2)" {prompt} {query} {output} {seed}`;
  const server = await startApi({ INFERENCE_COMMAND: refuses }, { withAtlas: true });
  onTestFinished(() => server.close());
  const ada = await server.caller(ADA);
  const { run_id } = await ada.submit({
    config: {
      prompt_cells: 20,
      query_cells: 20,
      max_job_attempts: 3,
      control_strategy: "query_as_control",
    },
  });
  await (
    await ada.events(run_id)
  ).ended;
  const { status, error } = (await (await ada.get(`/runs/${run_id}`)).json()) as RunDocument;
  expect([status, error]).toEqual([
    "failed",
    {
      code: "JOB_FAILED",
      message: `The inference job hs-${run_id}-i1-p-a1 failed: The inference program ended with exit code 2: haystack-worker: The prompt has no cells.`,
      retryable: false,
      phase: "inference",
    },
  ]);
});
