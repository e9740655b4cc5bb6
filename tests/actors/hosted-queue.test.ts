import { expect, test } from "vitest";
import type { RunHost } from "../../actors/host/run-host.ts";
import { createHostedQueue } from "../../actors/supervisor/hosted-queue.ts";
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

test("each is admitted once, in order, when a place is free: one that ends, rests or leaves frees its own", () => {
  const admitted: string[] = [];
  const queue = createHostedQueue(1);
  const runs = ["r1", "r2", "r3", "r4"].map((id) => hosted(id, admitted));
  for (const { host } of runs) queue.note(host);
  const [first, second, third] = runs;
  queue.admit();
  queue.admit();
  expect(admitted).toEqual(["r1"]);
  first!.state.status = "running";
  queue.note(first!.host);
  queue.admit();
  expect(admitted).toEqual(["r1"]);
  first!.state.status = "completed";
  queue.note(first!.host);
  queue.admit();
  expect(admitted).toEqual(["r1", "r2"]);
  second!.state.status = "running";
  second!.state.resting = true;
  queue.note(second!.host);
  queue.admit();
  expect(admitted).toEqual(["r1", "r2", "r3"]);
  queue.forget(third!.host);
  queue.admit();
  expect(admitted).toEqual(["r1", "r2", "r3", "r4"]);
});

test("a run that is forgotten while it waits is not admitted", () => {
  const admitted: string[] = [];
  const queue = createHostedQueue(5);
  const { host } = hosted("r1", admitted);
  queue.note(host);
  queue.forget(host);
  queue.admit();
  expect(admitted).toEqual([]);
});
