import { fastifySSE } from "@fastify/sse";
import Fastify from "fastify";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { createEventStream } from "../../server/events/stream.ts";
import { systemClock } from "../../services/clock/system.ts";
import { hostRuns, run } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { sqliteFile } from "../../adapters/runs.ts";
import { ADA, BO, pastRun, startApi } from "./api-harness.ts";

/** For a stream that somebody is about to close. */
const PATIENCE_MS = 60_000;

/** A commit on a stored run, as its host makes it. */
const commitOn = (
  document: ReturnType<typeof pastRun>,
  revision: number,
  token: number,
  entries: number,
  status = document.status,
) => ({
  run_id: document.run_id,
  expect: { revision, token, status: "running" as const },
  document: { ...document, status },
  snapshot: "{}",
  machine: { id: "run", version: "1" },
  wake_at: null,
  attention_at: null,
  consumed: [],
  outbox: [],
  history: Array.from({ length: entries }, (_, index) => ({
    revision: revision + 1,
    at: 1_800_000_000_000,
    actor: "run",
    event: `event.${revision}.${index}`,
    from: "a",
    to: "b".repeat(200),
  })),
});

test("streams beyond a user's limit and beyond the server's are refused, and a place that is left is free again", async () => {
  const server = await startApi({ HTTP_STREAMS: "5", HTTP_STREAMS_PER_USER: "3" });
  try {
    const [ada, bo] = await Promise.all([server.caller(ADA), server.caller(BO)]);
    for (const [id, owner] of [
      ["run-a", ADA],
      ["run-b", BO],
    ] as const) {
      await server.daemon.runs.insert(
        pastRun(id, owner, { status: "running", current_phase: "inference" }),
        { owner: "elsewhere", expires_at: Date.now() + 600_000 },
      );
    }
    const own = await Promise.all(Array.from({ length: 3 }, () => ada.events("run-a")));
    const refused = await Promise.all(
      Array.from({ length: 50 }, () => ada.get("/runs/run-a/events")),
    );
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
    expect(await refused[0]?.json()).toMatchObject({ error: "TOO_MANY_STREAMS" });
    const others = await Promise.all([bo.events("run-b"), bo.events("run-b")]);
    expect(others.map(({ status }) => status)).toEqual([200, 200]);
    expect((await bo.get("/runs/run-b/events")).status).toBe(429);
    for (const stream of own) stream.close();
    await expect
      .poll(
        async () => {
          const again = await bo.events("run-b");
          again.close();
          return again.status;
        },
        { timeout: PATIENCE_MS },
      )
      .toBe(200);
    // The stream just left may still be counted.
    await expect
      .poll(async () => (await ada.get("/runs/run-b/events")).status, { timeout: PATIENCE_MS })
      .toBe(404);
    expect((await ada.get("/runs/run-a")).status).toBe(200);
  } finally {
    await server.close();
  }
});

test("a run that another process hosts is followed too, and every reader sees the same", async () => {
  const server = await startApi({ POLL_MILLISECONDS: "20" });
  try {
    const ada = await server.caller(ADA);
    const elsewhere = await openSqliteRuns(sqliteFile(server.config));
    const release = Promise.withResolvers<void>();
    const effects = scriptedEffects({
      now: Date.now,
      scores: [1, 8],
      before: (effect) => (effect === "evaluate:1" ? release.promise : undefined),
    });
    const host = await hostRuns(elsewhere, effects, { sweeps: false, owner: "elsewhere" });
    await host.supervisor.submit({
      ...run("run-far"),
      user_email: ADA,
      created_at: new Date().toISOString(),
    });
    const readers = await Promise.all(Array.from({ length: 5 }, () => ada.events("run-far")));
    await Promise.all(
      readers.map((reader) =>
        reader.until(({ data }) => String(data["to"]).startsWith("evaluating")),
      ),
    );
    release.resolve();
    await Promise.all(readers.map(({ ended }) => ended));
    const history = await elsewhere.history("run-far");
    for (const { events } of readers) {
      expect(
        events.filter(({ event }) => event === "transition").map(({ data }) => data["event"]),
      ).toEqual(history.map(({ event }) => event));
      expect(events.at(-1)).toMatchObject({ event: "run", data: { status: "completed" } });
    }
    await host.supervisor.stop();
    await elsewhere.close();
  } finally {
    await server.close();
  }
});

test("readers that come and go at any moment miss nothing and see nothing twice", async () => {
  const server = await startApi({ POLL_MILLISECONDS: "20" });
  try {
    const ada = await server.caller(ADA);
    const document = pastRun("run-busy", ADA, { status: "running", current_phase: "inference" });
    await server.daemon.runs.insert(document, {
      owner: "elsewhere",
      expires_at: Date.now() + 600_000,
    });
    const commits = 120;
    const write = async (): Promise<void> => {
      for (let revision = 0; revision < commits; revision++) {
        const [outcome] = await server.daemon.runs.commit([
          commitOn(
            document,
            revision,
            1,
            revision % 4,
            revision === commits - 1 ? "completed" : "running",
          ),
        ]);
        expect(outcome).toEqual({ result: "committed" });
      }
    };
    const follow = async (leaveAfter: number): Promise<string[]> => {
      const seen: string[] = [];
      for (;;) {
        const stream = await ada.events("run-busy", seen.at(-1));
        if (stream.status === 204) return seen;
        await Promise.race([
          stream.ended,
          stream
            .until(() => stream.events.filter(({ id }) => id !== undefined).length >= leaveAfter)
            .catch(() => undefined),
        ]);
        stream.close();
        seen.push(...stream.events.flatMap(({ id }) => id ?? []));
      }
    };
    const [, ...readers] = await Promise.all([write(), ...[1, 3, 7, 20, 1_000].map(follow)]);
    const history = await server.daemon.runs.history("run-busy");
    const expected = history.map(
      ({ revision }, index) =>
        `${revision}.${history.slice(0, index).filter((earlier) => earlier.revision === revision).length}`,
    );
    for (const seen of readers) expect(seen).toEqual(expected);
  } finally {
    await server.close();
  }
});

test("a reader that takes nothing holds a bounded part of the log and is disconnected", async () => {
  const server = await startApi({ HTTP_STREAMS_PER_USER: "1" });
  try {
    const ada = await server.caller(ADA);
    const document = pastRun("run-long", ADA, { status: "running", current_phase: "inference" });
    await server.daemon.runs.insert(document, {
      owner: "elsewhere",
      expires_at: Date.now() + 600_000,
    });
    for (let revision = 0; revision < 60; revision++)
      await server.daemon.runs.commit([commitOn(document, revision, 1, 500)]);
    const { port } = new URL(server.url);
    const socket = connect({ port: Number(port), host: "127.0.0.1" });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(
      `GET /api/v1/runs/run-long/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ada.token}\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once("readable", resolve));
    await expect
      .poll(
        async () => {
          const next = await ada.events("run-long");
          next.close();
          return next.status;
        },
        { timeout: PATIENCE_MS, interval: 500 },
      )
      .toBe(200);
    socket.resume();
    await closed;
  } finally {
    await server.close();
  }
});

test("a reader who leaves at any moment of the opening is not counted", async () => {
  const server = await startApi({ HTTP_STREAMS_PER_USER: "1" });
  try {
    const ada = await server.caller(ADA);
    await server.daemon.runs.insert(
      pastRun("run-a", ADA, { status: "running", current_phase: "inference" }),
      { owner: "elsewhere", expires_at: Date.now() + 600_000 },
    );
    const { port } = new URL(server.url);
    for (let yields = 0; yields < 40; yields++) {
      const socket = connect({ port: Number(port), host: "127.0.0.1" });
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.write(
        `GET /api/v1/runs/run-a/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ada.token}\r\n\r\n`,
      );
      for (let turn = 0; turn < yields; turn++) await new Promise(setImmediate);
      socket.destroy();
    }
    await expect
      .poll(
        async () => {
          const stream = await ada.events("run-a");
          stream.close();
          return stream.status;
        },
        { timeout: PATIENCE_MS },
      )
      .toBe(200);
  } finally {
    await server.close();
  }
});

test("a reader who has left before the stream begins is not waited for", async () => {
  const app = Fastify();
  onTestFinished(() => app.close());
  const asked = Promise.withResolvers<void>();
  const served = Promise.withResolvers<void>();
  await app.register(fastifySSE);
  app.get(
    "/",
    {
      sse: "manual",
      async onRequest({ raw }) {
        const left = once(raw.socket, "close");
        asked.resolve();
        await left;
      },
    },
    async (_, reply) => {
      const stream = createEventStream(reply, systemClock);
      reply.hijack();
      const document = pastRun("run-a", ADA, { status: "running", current_phase: "inference" });
      await stream.serve(
        { document: () => document, log: [], resting: () => false, close: () => undefined },
        0,
      );
      served.resolve();
    },
  );
  const url = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const socket = connect({ port: Number(url.port), host: "127.0.0.1" });
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asked.promise;
  socket.destroy();
  await expect(served.promise).resolves.toBeUndefined();
});

test("closing the server ends its streams", async () => {
  const server = await startApi();
  const ada = await server.caller(ADA);
  await server.daemon.runs.insert(
    pastRun("run-a", ADA, { status: "running", current_phase: "inference" }),
    { owner: "elsewhere", expires_at: Date.now() + 600_000 },
  );
  const stream = await ada.events("run-a");
  await stream.until(({ event }) => event === "run");
  await server.close();
  await stream.ended;
  expect(stream.events).toHaveLength(1);
});

test("a stream without news says every 15 seconds that it is alive, until its reader leaves", async () => {
  const server = await startApi();
  onTestFinished(() => server.close());
  const ada = await server.caller(ADA);
  const document = pastRun("run-a", ADA, { status: "running", current_phase: "inference" });
  await server.daemon.runs.insert(document, {
    owner: "elsewhere",
    expires_at: Date.now() + 600_000,
  });
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const { body } = await ada.get("/runs/run-a/events");
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readUntil = async (part: string | undefined): Promise<void> => {
    while (part === undefined || !text.includes(part)) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) return;
      text += value;
    }
  };
  await readUntil("event: run\n");
  text = "";
  const alive = ": heartbeat\n\n";
  for (const beats of [1, 2, 3]) {
    vi.advanceTimersByTime(15_000);
    await readUntil(alive.repeat(beats));
  }
  const left = await ada.events("run-a");
  await left.until(({ event }) => event === "run");
  expect(vi.getTimerCount()).toBe(2);
  left.close();
  await expect.poll(() => vi.getTimerCount(), { timeout: PATIENCE_MS }).toBe(1);
  await server.daemon.runs.commit([commitOn(document, 0, 1, 0, "completed")]);
  await readUntil(undefined);
  expect(text.startsWith(`${alive.repeat(3)}event: run\n`)).toBe(true);
});
