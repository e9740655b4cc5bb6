import { expect, test, vi } from "vitest";
import { newRun } from "../../services/runs/new-run.ts";
import { startTestServer } from "../support/server.ts";

test("closing ends event streams and idle connections, and lets an answer under way finish", async () => {
  const server = await startTestServer();
  const run = newRun({ run_id: "run-elsewhere", query: "How would B cells respond to IFN-beta?", user_email: null, config: {}, random_seed: 1, now: Date.now() });
  await server.daemon.runs.insert(run, { owner: "another daemon", expires_at: Date.now() + 60_000 });
  const stream = await fetch(`${server.url}/api/v1/runs/run-elsewhere/events`);
  expect([stream.status, stream.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/event-stream")]);
  const ended = stream.text();
  await (await fetch(`${server.url}/livez`)).text();
  const check = fetch(`${server.url}/api/v1/runs`).then((response) => response.status, () => "not begun");
  // Nothing is cut off, however long it takes: all ends by itself, or the server never closes.
  vi.spyOn(server.app.server, "closeAllConnections").mockReturnValue(undefined);
  await server.close();
  expect(await ended).toContain("run-elsewhere");
  expect(await check).toBeOneOf([200, "not begun"]);
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
});
