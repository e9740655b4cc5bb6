import { expect, test, vi } from "vitest";
import { newRun } from "../../services/runs/document.ts";
import { quickest } from "../support/quickest.ts";
import { startTestServer } from "../support/server.ts";

/** Answers under way are cut off after five seconds; what ends by itself ends long before. */
const SOON_MS = 3_000;

const closing = async (): Promise<number> => {
  const server = await startTestServer();
  const run = newRun({
    run_id: "run-elsewhere",
    query: "How would B cells respond to IFN-beta?",
    user_email: null,
    config: {},
    random_seed: 1,
    now: Date.now(),
  });
  await server.daemon.runs.insert(run, {
    owner: "another daemon",
    expires_at: Date.now() + 60_000,
  });
  const stream = await fetch(`${server.url}/api/v1/runs/run-elsewhere/events`);
  expect([stream.status, stream.headers.get("content-type")]).toEqual([
    200,
    expect.stringContaining("text/event-stream"),
  ]);
  const ended = stream.text();
  await (await fetch(`${server.url}/livez`)).text();
  const check = fetch(`${server.url}/api/v1/runs`).then(
    (response) => response.status,
    () => "not begun",
  );
  // Nothing is cut off, however long it takes: all ends by itself, or the server never closes.
  vi.spyOn(server.app.server, "closeAllConnections").mockReturnValue(undefined);
  const began = performance.now();
  await server.close();
  const milliseconds = performance.now() - began;
  expect(await ended).toContain("run-elsewhere");
  expect(await check).toBeOneOf([200, "not begun"]);
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
  return milliseconds;
};

test("closing ends event streams and idle connections, and lets an answer under way finish", async () => {
  expect(await quickest(SOON_MS, closing)).toBeLessThan(SOON_MS);
});
