import { expect, test } from "vitest";
import type { RunHost } from "../../actors/host/run-host.ts";
import { createLocalAdmission } from "../../actors/supervisor/local-admission.ts";
import type { RunStatus } from "../../services/runs/document.ts";
import { run } from "../support/hosted-runs.ts";

function hosted(runId: string, admitted: string[]) {
  const state = { status: "pending" as RunStatus, resting: false };
  const host = {
    document: () => ({ ...run(runId), status: state.status }),
    resting: () => state.resting,
    send: () => void admitted.push(runId),
  } as unknown as RunHost;
  return { host, state };
}

test("each is admitted once, in order, when a place is free: one that ends, rests or is removed frees its own", () => {
  const admitted: string[] = [];
  const given = createLocalAdmission(1);
  const runs = ["r1", "r2", "r3", "r4"].map((id) => hosted(id, admitted));
  for (const { host } of runs) given.note(host);
  const [first, second, third] = runs;
  given.admit();
  given.admit();
  expect(admitted).toEqual(["r1"]);
  first!.state.status = "running";
  given.note(first!.host);
  given.admit();
  expect(admitted).toEqual(["r1"]);
  first!.state.status = "completed";
  given.note(first!.host);
  given.admit();
  expect(admitted).toEqual(["r1", "r2"]);
  second!.state.status = "running";
  second!.state.resting = true;
  given.note(second!.host);
  given.admit();
  expect(admitted).toEqual(["r1", "r2", "r3"]);
  given.remove(third!.host);
  given.admit();
  expect(admitted).toEqual(["r1", "r2", "r3", "r4"]);
});

test("a run that is removed while it waits is not admitted", () => {
  const admitted: string[] = [];
  const given = createLocalAdmission(5);
  const { host } = hosted("r1", admitted);
  given.note(host);
  given.remove(host);
  given.admit();
  expect(admitted).toEqual([]);
});
