import { once } from "node:events";
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { endSlowReading } from "../../server/runs/slow-readers.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { startTestServer } from "../support/server.ts";
import { openAnswer } from "./open-answer.ts";

const RUNS = "/api/v1/runs";

/** What a request that asks for another protocol is answered with: a status, or 101. */
const upgrade = (
  url: string,
  protocol: string,
  { method = "GET", body = "" } = {},
): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const asking = request(url, {
      method,
      headers: {
        connection: "upgrade",
        upgrade: protocol,
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...(body === "" ? {} : { "content-type": "application/json" }),
      },
    });
    asking.on("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asking.on("upgrade", ({ statusCode }, socket) => {
      socket.destroy();
      resolve(statusCode);
    });
    asking.on("error", reject).end(body);
  });

test("a connection becomes a socket only where sockets are served, anything else is answered as it is", async () => {
  const { url } = await startTestServer();
  const known = JSON.stringify({ query: "How would B cells respond to IFN-beta?" });
  expect({
    served: await upgrade(`${url}/inspect`, "websocket"),
    other: await upgrade(`${url}${RUNS}`, "websocket"),
    alive: await upgrade(`${url}/livez`, "WebSocket"),
    nothing: await upgrade(`${url}/nothing`, "websocket"),
    below: await upgrade(`${url}/inspect/replay/a/b`, "websocket"),
    protocol: await upgrade(`${url}${RUNS}`, "h2c"),
    served_protocol: await upgrade(`${url}/inspect`, "h2c"),
    body: await upgrade(`${url}${RUNS}`, "websocket", { method: "POST", body: known }),
    body_to_socket: await upgrade(`${url}/inspect`, "websocket", { method: "POST", body: known }),
  }).toEqual({
    served: 101,
    other: 200,
    alive: 200,
    nothing: 404,
    below: 404,
    protocol: 200,
    served_protocol: 404,
    body: 201,
    body_to_socket: 405,
  });
});

test.each([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-user",
  "x-real-ip",
])("without sign-in a request that a proxy has forwarded is refused (%s)", async (name) => {
  const { url } = await startTestServer();
  const answer = await fetch(`${url}${RUNS}`, { headers: { [name]: "127.0.0.1" } });
  expect([answer.status, await answer.json()]).toEqual([
    403,
    expect.objectContaining({
      error: "FORBIDDEN",
      message:
        "Without sign-in this server answers only requests of its own machine, and this one was forwarded by a proxy; set AUTH, or ask without the proxy.",
    }),
  ]);
  expect((await fetch(`${url}${RUNS}`)).status).toBe(200);
});

test("with sign-in a proxy may stand in front", async () => {
  const server = await startTestServer({ env: { AUTH: "token" } });
  const answer = await fetch(`${server.url}${RUNS}`, {
    headers: {
      authorization: `Bearer ${await server.token("ada@example.org")}`,
      "x-forwarded-for": "192.0.2.1",
      forwarded: "for=192.0.2.1",
    },
  });
  expect(answer.status).toBe(200);
});

test("requests by a method that an address does not have count in the limit as all others do", async () => {
  const { url } = await startTestServer({ env: { AUTH: "token", HTTP_REQUESTS_PER_MINUTE: "3" } });
  const statuses: number[] = [];
  for (const method of ["DELETE", "PUT", "PATCH", "DELETE", "OPTIONS"])
    statuses.push((await fetch(`${url}${RUNS}`, { method })).status);
  expect(statuses).toEqual([405, 405, 405, 429, 429]);
});

test("a body sent by a method that an address does not have is not read", async () => {
  const { url } = await startTestServer();
  const answer = await fetch(`${url}${RUNS}`, { method: "PUT", body: "no JSON" });
  expect(answer.status).toBe(405);
});

/** A download of zeros without end, and what the server sees of its connection. */
async function download(minutes: number) {
  const clock = manualClock();
  let pushed: ServerResponse | undefined;
  let socket: Socket | undefined;
  const zeros = Buffer.alloc(1_000_000);
  const server = createServer((_, response) => {
    pushed = response;
    socket = response.socket ?? undefined;
    endSlowReading(response, clock, minutes);
    const more = (): void => {
      while (!response.destroyed && response.write(zeros));
      response.once("drain", more);
    };
    more();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const answer = await openAnswer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    clock,
    answer,
    isOver: () => pushed?.destroyed === true,
    /** Resolves when so many bytes more have been written. */
    async written(bytes: number): Promise<void> {
      const from = socket?.bytesWritten ?? 0;
      for (;;) {
        if ((socket?.bytesWritten ?? 0) - from >= bytes || pushed?.destroyed === true) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

test("a download that nobody reads is ended, one that is read goes on until its time is over", async () => {
  const unread = await download(60);
  unread.clock.advance(60_000);
  expect(unread.isOver()).toBe(true);

  const read = await download(2);
  read.answer.resume();
  for (let half = 0; half < 3; half += 1) {
    await read.written(100_000);
    read.clock.advance(30_000);
    expect(read.isOver()).toBe(false);
  }
  await read.written(100_000);
  read.clock.advance(30_000);
  expect(read.isOver()).toBe(true);
  expect([unread.clock.waiting, read.clock.waiting]).toEqual([0, 0]);
});
