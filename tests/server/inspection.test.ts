import { once } from "node:events";
import { connect } from "node:net";
import { createWebSocketReceiver, type StatelyInspectionEvent } from "@statelyai/inspect";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { ANALYZING, shownJobContext } from "../support/expected-inspection.ts";
import { run } from "../support/hosted-runs.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";

/** Stately's own receiver; the server's closing closes it. */
function attach(address: string) {
  const events: StatelyInspectionEvent[] = [];
  const waiters = new Set<() => void>();
  createWebSocketReceiver({ server: address }).subscribe((event) => {
    events.push(event);
    for (const check of waiters) check();
  });
  return {
    events,
    /** Resolves once an event satisfies the condition, also one of the past. */
    seen: (condition: (event: StatelyInspectionEvent) => boolean) =>
      new Promise<StatelyInspectionEvent>((resolve) => {
        const check = (): void => {
          const found = events.find(condition);
          if (found === undefined) return;
          waiters.delete(check);
          resolve(found);
        };
        waiters.add(check);
        check();
      }),
  };
}

const stateOf = (event: StatelyInspectionEvent): unknown =>
  event.type === "@xstate.event" ? undefined : (event.snapshot as { value?: unknown }).value;
const outer = (state: unknown): unknown =>
  typeof state === "object" && state !== null ? Object.keys(state)[0] : state;

/** The states that a session went through. */
const statesOf = (events: readonly StatelyInspectionEvent[], session: string): unknown[] => {
  const states = events
    .filter(({ sessionId }) => sessionId === session)
    .map((event) => outer(stateOf(event)))
    .filter((state) => state !== undefined);
  return states.filter((state, index) => state !== states[index - 1]);
};
const reaches = (session: string, state: string) => (event: StatelyInspectionEvent) =>
  event.sessionId === session && outer(stateOf(event)) === state;

/** What each message of run r1 holds. */
const MESSAGE = {
  _version: expect.any(String) as string,
  id: expect.any(String) as string,
  createdAt: expect.any(String) as string,
  rootId: "r1",
};

const WHOLE_RUN = [
  "analyzing",
  "prompting",
  "inferring",
  "evaluating",
  "prompting",
  "inferring",
  "evaluating",
  "outputting",
  "completed",
];
const WHOLE_JOB = ["preparing", "submitting", "awaiting", "checking", "succeeded"];

test("Stately's receiver sees a run and its child machines go through their states in order, and nothing that a user wrote", async () => {
  const analyzing = gate();
  const server = await startScriptedServer({
    script: {
      scores: [4, 8],
      before: (effect) => (effect === "analyze" ? analyzing.pass() : undefined),
    },
  });
  await server.supervisor.submit({
    ...run("r1"),
    query: "What does the SECRET-QUESTION do?",
    user_email: "ada@secret.example",
  });
  await analyzing.reached;
  const receiver = attach(`${server.socketUrl}/inspect`);
  const first = await receiver.seen(({ sessionId }) => sessionId === "r1");
  analyzing.open();
  expect(first).toStrictEqual({
    ...MESSAGE,
    type: "@xstate.actor",
    sessionId: "r1",
    name: "r1",
    definition: expect.any(String) as string,
    snapshot: { status: "active", value: "analyzing", context: ANALYZING },
  });
  await receiver.seen(reaches("r1", "completed"));
  expect(statesOf(receiver.events, "r1")).toEqual(WHOLE_RUN);
  expect(statesOf(receiver.events, "r1/predictionJob")).toEqual([...WHOLE_JOB, ...WHOLE_JOB]);
  const [actor] = receiver.events;
  const definition = JSON.parse((actor as { definition: string }).definition) as {
    id: string;
    states: object;
  };
  expect(Object.keys(definition.states)).toContain("cancelling");
  expect(receiver.events.every((event) => event.rootId === "r1")).toBe(true);
  const text = JSON.stringify(receiver.events);
  expect(text).toContain('"score":8');
  expect(text).not.toContain("SECRET");
  expect(text).not.toContain("@secret");
});

test("who attaches late is first told of what is live, as it is; of one run when asked for one", async () => {
  const server = await startScriptedServer({ script: { jobState: "RUNNING" } });
  for (const id of ["r1", "r2"]) {
    await server.supervisor.submit(run(id));
    await server.committed(id, (_, entries) =>
      entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
    );
  }
  const all = attach(`${server.socketUrl}/inspect`);
  const one = attach(`${server.socketUrl}/inspect?run_id=r2`);
  await Promise.all([
    all.seen(({ sessionId }) => sessionId === "r2/controlJob"),
    one.seen(({ sessionId }) => sessionId === "r2/controlJob"),
  ]);
  // A job may be looked at just now.
  const told = (receiver: typeof all) =>
    receiver.events.flatMap(({ type, sessionId }) =>
      type === "@xstate.actor" && !sessionId.endsWith("/checkJob") ? [sessionId] : [],
    );
  expect(told(all)).toEqual([
    "r1",
    "r1/predictionJob",
    "r1/controlJob",
    "r2",
    "r2/predictionJob",
    "r2/controlJob",
  ]);
  expect(told(one)).toEqual(["r2", "r2/predictionJob", "r2/controlJob"]);
  expect(all.events[1]).toStrictEqual({
    ...MESSAGE,
    type: "@xstate.actor",
    sessionId: "r1/predictionJob",
    parentId: "r1",
    name: "predictionJob",
    definition: expect.any(String) as string,
    snapshot: {
      status: "active",
      value: expect.stringMatching(/^(awaiting|checking)$/) as string,
      context: shownJobContext("prediction"),
    },
  });
  await server.supervisor.deliver("r2", { id: "c", event: { type: "cancel.requested" } });
  await Promise.all([all.seen(reaches("r2", "cancelled")), one.seen(reaches("r2", "cancelled"))]);
});

test("a finished run is replayed as it was seen live", async () => {
  const server = await startScriptedServer({ script: { scores: [4, 8] } });
  const settled = server.supervisor.settled("r1");
  await server.supervisor.submit(run("r1"));
  await settled;
  const receiver = attach(`${server.socketUrl}/inspect/replay/r1`);
  await receiver.seen(reaches("r1", "completed"));
  expect(statesOf(receiver.events, "r1")).toEqual(["queued", ...WHOLE_RUN]);
  expect(statesOf(receiver.events, "r1/controlJob")).toEqual([...WHOLE_JOB, ...WHOLE_JOB]);
  const times = receiver.events.map(({ createdAt }) => Number(createdAt));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(receiver.events.at(-1)).toStrictEqual({
    ...MESSAGE,
    type: "@xstate.snapshot",
    sessionId: "r1",
    event: { type: "xstate.done.actor.output" },
    snapshot: { status: "done", value: "completed", context: {} },
  });
});

const refusal = async (
  address: string,
  headers: Record<string, string>,
): Promise<number | "opened"> => {
  const socket = new WebSocket(address, { headers });
  const status = await new Promise<number | "opened">((resolve) => {
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.on("open", () => resolve("opened"));
    socket.on("error", () => undefined);
  });
  socket.terminate();
  return status;
};

test("only administrators attach, and no page of another web site unless it is named", async () => {
  const server = await startScriptedServer({
    env: { AUTH: "token", INSPECT_ORIGINS: "https://stately.ai" },
  });
  const [admin, user] = [
    await server.token("root@example.org", "admin"),
    await server.token("ada@example.org"),
  ];
  const inspect = `${server.socketUrl}/inspect`;
  const authorization = `Bearer ${admin}`;
  expect(await refusal(inspect, {})).toBe(401);
  expect(await refusal(inspect, { authorization: `Bearer ${user}` })).toBe(403);
  expect(await refusal(inspect, { authorization })).toBe("opened");
  expect(await refusal(inspect, { authorization, origin: "https://evil.example" })).toBe(403);
  expect(await refusal(inspect, { authorization, origin: "https://stately.ai" })).toBe("opened");
  expect(await refusal(inspect, { authorization, origin: server.url })).toBe("opened");
  expect(await refusal(`${server.socketUrl}/inspect/replay/none`, { authorization })).toBe(404);
  expect(
    await refusal(`${server.socketUrl}/inspect/replay/none`, { authorization: `Bearer ${user}` }),
  ).toBe(403);
  expect(
    (
      await fetch(`${server.url}/admin/supervisor`, {
        headers: { authorization, origin: "https://stately.ai" },
      })
    ).status,
  ).toBe(403);
});

test("a connection whose upgrade is refused is ended, on whatever address", async () => {
  const server = await startScriptedServer({ env: { AUTH: "token" } });
  for (const path of ["/inspect", "/api/v1/runs", "/livez", "/nothing"]) {
    const socket = connect({
      host: "127.0.0.1",
      port: Number(new URL(server.url).port),
      allowHalfOpen: true,
    });
    socket.resume();
    const ended = new Promise<string>((resolve) => {
      for (const sign of ["end", "error"]) socket.on(sign, () => resolve("ended"));
    });
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${"a".repeat(22)}==\r\n\r\n`,
    );
    if (path === "/livez") socket.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    expect(await ended).toBe("ended");
    socket.destroy();
  }
});

test("a viewer that does not read is disconnected, and the run goes on", async () => {
  const server = await startScriptedServer({ script: { jobState: "RUNNING" } });
  await server.supervisor.submit(run("r1"));
  await server.committed("r1", (_, entries) =>
    entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"),
  );
  const socket = new WebSocket(`${server.socketUrl}/inspect?run_id=r1`);
  await once(socket, "message");
  socket.pause();
  const closed = once(socket, "close");
  const gone = server.parts.runs;
  for (let sent = 0; sent < 40_000 && server.parts.inspection.viewers() > 0; sent += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        server.supervisor.deliver("r1", {
          id: `hint-${sent + index}`,
          event: { type: "job.changed", job_id: "hs-other-i1-p-a1", state: "RUNNING" },
        }),
      ),
    );
  }
  expect(server.parts.inspection.viewers()).toBe(0);
  socket.resume();
  await closed;
  expect((await gone.get("r1"))?.document.status).toBe("running");
});
