import { expect, test } from "vitest";
import type { RunHost } from "../../actors/host/run-host.ts";
import { createEventRouter } from "../../actors/supervisor/event-router.ts";
import type { InboxEvent, RunStore } from "../../services/runs/index.ts";

const EVENT: InboxEvent = { id: "e1", event: { type: "cancel.requested" } };

function hostOf(name: string, taken: string[]): RunHost {
  return {
    deliver: ({ id }: InboxEvent) => void taken.push(`${name} ${id}`),
    settled: () => true,
    document: () => ({ status: "running" }),
    cancelledOutside: () => void taken.push(`${name} cancelled`),
  } as unknown as RunHost;
}

function routing(during: (hosts: Map<string, RunHost>, taken: string[]) => void) {
  const taken: string[] = [];
  const unhosted: string[] = [];
  const outcomes: string[] = [];
  const hosts = new Map([["r1", hostOf("old", taken)]]);
  const store: Pick<RunStore, "deliver" | "pending"> = {
    async deliver(runId) {
      during(hosts, taken);
      return runId === "none" ? "unknown_run" : "stored";
    },
    async pending() {
      during(hosts, taken);
      return [{ run_id: "r1", inbox: [EVENT], status: "cancelled" }];
    },
  };
  const router = createEventRouter({
    store,
    owner: "here",
    hosts,
    onUnhosted: (runId) => unhosted.push(runId),
    taken: (outcome) => outcomes.push(outcome),
  });
  return { outcomes, router, taken, unhosted };
}

test("an event is handed to the host that was there before and after it was stored", async () => {
  const { router, taken, unhosted } = routing(() => undefined);
  expect(await router.deliver("r1", EVENT)).toBe("stored");
  expect(taken).toEqual(["old e1"]);
  expect(await router.deliver("r2", EVENT)).toBe("stored");
  expect(unhosted).toEqual(["r2"]);
});

test("a run that is hosted anew while its event is stored has it in its inbox: it is not handed over again", async () => {
  const { router, taken, unhosted } = routing((hosts, all) => hosts.set("r1", hostOf("new", all)));
  expect(await router.deliver("r1", EVENT)).toBe("stored");
  expect([taken, unhosted]).toEqual([[], []]);
});

test("an answer about a run that is hosted anew meanwhile is out of date", async () => {
  const stays = routing(() => undefined);
  await stays.router.collect();
  expect(stays.taken).toEqual(["old e1", "old cancelled"]);
  const moves = routing((hosts, all) => hosts.set("r1", hostOf("new", all)));
  await moves.router.collect();
  expect(moves.taken).toEqual([]);
});

test("news of a job goes to its run; that of a run's own job and of no job of ours is counted only", async () => {
  const { outcomes, router, taken } = routing(() => undefined);
  for (const job_id of ["hs-r1-i1-p-a1", "hs-none-i1-p-a1", "hs-r1-run-1", "other"])
    await router.take({ event_id: `${job_id}.1`, job_id, state: "RUNNING" });
  expect(taken).toEqual(["old hs-r1-i1-p-a1.1"]);
  expect(outcomes).toEqual(["stored", "unknown_run", "run_job", "foreign_job"]);
});
