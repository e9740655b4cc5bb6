import { expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { guardedClient } from "../../services/http/guarded-client.ts";

/** Milliseconds from one request to the next, where each answer but the last asks to wait. */
async function waitsAfter(...retryAfter: readonly string[]): Promise<number[]> {
  vi.useFakeTimers();
  const times: number[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => {
    const asked = retryAfter[times.length];
    times.push(Date.now());
    return asked === undefined
      ? Response.json({ found: true })
      : new Response("", { status: 429, headers: asked === "" ? {} : { "retry-after": asked } });
  });
  onTestFinished(() => void vi.useRealTimers());
  onTestFinished(() => void vi.restoreAllMocks());
  const client = guardedClient({
    service: "Test",
    rate: 1_000,
    timeoutMs: 60_000,
    attempts: retryAfter.length + 1,
    firstBackoffMs: 500,
    failuresToOpen: 10,
    openMs: 1_000,
    cache: { read: async () => undefined, write: async () => undefined },
  });
  const asked = client.getJson({
    url: new URL("https://service.test/"),
    secret: {},
    schema: z.object({ found: z.boolean() }),
  });
  await vi.runAllTimersAsync();
  expect(await asked).toEqual({ found: true });
  return times.slice(1).map((time, place) => Math.round((time - times[place]!) / 100) * 100);
}

test("what a service asks to wait is waited, but never more than half a minute", async () => {
  expect(await waitsAfter("2", "3600")).toEqual([2_000, 30_000]);
});

test("without such a wish the waits double", async () => {
  expect(await waitsAfter("", "", "")).toEqual([500, 1_000, 2_000]);
});
