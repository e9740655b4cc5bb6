import { expect, test } from "vitest";
import { ADA, BO, pastRun, startApi } from "./api-harness.ts";

async function server() {
  const api = await startApi();
  const { runs, objects } = api.daemon;
  await runs.insert(pastRun("r1", ADA, { completed_at: "2026-01-01T00:00:00.000Z" }));
  await objects.putText("results/r1/r1_report.html", "x");
  const send = async (owner: string, method: string, path: string, role?: "admin") => {
    const { token } = await api.caller(owner, role);
    return fetch(`${api.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
    });
  };
  return { ...api, send };
}

test("an owner deletes an ended run: 204, and it is gone for everybody", async () => {
  const { send, daemon, close } = await server();
  expect((await send(ADA, "DELETE", "/runs/r1")).status).toBe(204);
  expect((await send(ADA, "GET", "/runs/r1")).status).toBe(404);
  expect((await send(ADA, "DELETE", "/runs/r1")).status).toBe(404);
  expect(await daemon.objects.stat("results/r1/r1_report.html")).toBeUndefined();
  await close();
});

test("another user's run cannot be deleted, nor told from one that is not there", async () => {
  const { send, daemon, close } = await server();
  const refused = await send(BO, "DELETE", "/runs/r1");
  expect(refused.status).toBe(404);
  expect(await daemon.runs.get("r1")).toBeDefined();
  await close();
});

test("a run that has not ended stays, with a sentence: 409", async () => {
  const { send, daemon, close } = await server();
  daemon.supervisor.pauseAdmission(true);
  await daemon.runs.insert(pastRun("r2", ADA, { status: "pending" }));
  const refused = await send(ADA, "DELETE", "/runs/r2");
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ error: "RUN_STATE_FORBIDS" });
  expect(await daemon.runs.get("r2")).toBeDefined();
  await close();
});

test("what an administrator deletes of others is recorded before and after", async () => {
  const { send, close } = await server();
  expect((await send("root@example.org", "DELETE", "/runs/r1", "admin")).status).toBe(204);
  const audit = await send("root@example.org", "GET", "/../../admin/audit", "admin");
  const { entries } = (await audit.json()) as { entries: Record<string, string>[] };
  expect(
    entries
      .filter(({ action }) => action === "delete")
      .map(({ target, outcome }) => [target, outcome]),
  ).toEqual([
    ["r1", "done"],
    ["r1", "begun"],
  ]);
  await close();
});
