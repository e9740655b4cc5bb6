import { expect, test } from "vitest";
import { MOST_FOLLOWED } from "../../server/events/several.ts";
import { run } from "../support/hosted-runs.ts";
import { openEvents } from "../support/event-stream.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";
import { ADA, BO } from "./api-harness.ts";

test("a stream of several runs shows each as it stands and after every change, and those of others to nobody", async () => {
  const begun = gate();
  const server = await startScriptedServer({
    env: { AUTH: "token" },
    script: { before: (effect) => (effect === "analyze" ? begun.pass() : undefined) },
  });
  try {
    for (const [id, owner] of [
      ["a1", ADA],
      ["a2", ADA],
      ["b1", BO],
    ] as const)
      await server.supervisor.submit({ ...run(id), user_email: owner, name: `run ${id}` });
    await begun.reached;
    const path = `${server.url}/api/v1/events?id=a1&id=a2&id=b1&id=unknown&id=a1`;
    const ada = await openEvents(path, { token: await server.token(ADA) });
    const admin = await openEvents(path, {
      token: await server.token("root@example.org", "admin"),
    });
    const first = await ada.until(({ data }) => data["run_id"] === "a2");
    expect(first).toMatchObject({
      event: "run",
      data: { status: expect.stringMatching(/pending|running/) as string, name: "run a2" },
    });
    await admin.until(({ data }) => data["run_id"] === "b1");
    begun.open();
    for (const id of ["a1", "a2"])
      await ada.until(({ data }) => data["run_id"] === id && data["status"] === "completed");
    await admin.until(({ data }) => data["run_id"] === "b1" && data["status"] === "completed");
    expect(new Set(ada.events.map(({ data }) => data["run_id"]))).toEqual(new Set(["a1", "a2"]));
    const last = ada.events.findLast(({ data }) => data["run_id"] === "a1");
    expect(last?.data).toMatchObject({
      user_email: ADA,
      is_judged: true,
      usage: { gpu_cost_usd: 0 },
    });
    expect(last?.data).not.toHaveProperty("config");
    ada.close();
    admin.close();
  } finally {
    begun.open();
  }
});

test("more runs than a stream follows are refused in a sentence", async () => {
  const { url } = await startScriptedServer();
  const ids = Array.from({ length: MOST_FOLLOWED + 1 }, (_, place) => `id=r${place}`).join("&");
  const response = await fetch(`${url}/api/v1/events?${ids}`);
  expect([response.status, await response.json()]).toEqual([
    400,
    expect.objectContaining({ error: "USAGE" }),
  ]);
  expect((await fetch(`${url}/api/v1/events`)).status).toBe(400);
});
