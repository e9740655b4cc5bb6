import { expect, test } from "vitest";
import { refusal } from "../support/refusals.ts";
import { ADA, pastRun, startApi } from "./api-harness.ts";

test("a file that lies at its place already is not handed out before the run names it", async () => {
  const server = await startApi();
  const ada = await server.caller(ADA);
  const { objects, runs } = server.daemon;
  const askFor = async (id: string): Promise<{ status: number; text: string }> => {
    await objects.putText(`results/${id}/${id}_report.html`, "<p>report</p>");
    const response = await ada.get(`/runs/${id}/files/${id}_report.html`);
    return { status: response.status, text: await response.text() };
  };
  const lease = { owner: "elsewhere", expires_at: Date.now() + 600_000 };
  await runs.insert(pastRun("run-ended", ADA, { output_anndata_path: "predictions.h5ad" }), lease);
  expect(await askFor("run-ended")).toEqual({ status: 200, text: "<p>report</p>" });
  await runs.insert(
    pastRun("run-writes", ADA, { status: "running", current_phase: "output_generation" }),
    lease,
  );
  const { status, text } = await askFor("run-writes");
  expect({ status, body: JSON.parse(text) as unknown }).toEqual(
    refusal(404, "OBJECT_NOT_FOUND", { run_id: "run-writes" }),
  );
  await server.close();
});
