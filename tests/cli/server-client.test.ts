import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { remoteRuns } from "../../cli/runs/remote.ts";
import { serverAddress } from "../../cli/server/address.ts";
import { serverClient, type ServerClient } from "../../cli/server/client.ts";
import { downloadResult } from "../../cli/server/download.ts";
import { followRun } from "../../cli/server/follow.ts";
import { describeStatus } from "../../cli/show-run.ts";
import { loadConfig } from "../../config.ts";
import { runSummarySchema } from "../../server/runs/schemas.ts";
import { pastRun } from "../server/api-harness.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Faulty {
  readonly client: ServerClient;
  readonly url: string;
  readonly asked: IncomingMessage[];
}

/** A server that gives these answers, one after the other; the last one again and again. */
async function answering(...answers: readonly Answer[]): Promise<Faulty> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    (answers[asked.length - 1] ?? answers.at(-1))?.(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, client: serverClient({ url, token: "token-of-ada" }) };
}

const json =
  (body: unknown): Answer =>
  (_, response) =>
    void response.setHeader("content-type", "application/json").end(JSON.stringify(body));
const status =
  (code: number, headers: Record<string, string> = {}, body = ""): Answer =>
  (_, response) =>
    void response.writeHead(code, headers).end(body);
const cutOff: Answer = (request) => void request.socket.destroy();
const ping = (client: ServerClient) =>
  client.json({ path: "/ping", schema: z.object({ ok: z.boolean() }) });
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (thrown: { code?: unknown }) => thrown.code,
  );

test("what passes is asked again: a cut connection, a proxy without its server, a limit", async () => {
  const { client, asked } = await answering(
    cutOff,
    status(502, {}, "<html>Bad gateway"),
    status(
      429,
      { "retry-after": "0" },
      JSON.stringify({ error: "RATE_LIMITED", message: "Wait." }),
    ),
    json({ ok: true }),
  );
  expect(await ping(client)).toEqual({ ok: true });
  expect(asked.map(({ url, headers }) => [url, headers.authorization])).toEqual(
    Array.from({ length: 4 }, () => ["/api/v1/ping", "Bearer token-of-ada"]),
  );
});

test("what does not pass is asked once, and what lasts is given up", async () => {
  const once: [Answer, string][] = [
    [status(404, {}, JSON.stringify({ error: "RUN_NOT_FOUND", message: "No." })), "RUN_NOT_FOUND"],
    [
      status(401, {}, JSON.stringify({ error: "UNAUTHENTICATED", message: "Who?" })),
      "UNAUTHENTICATED",
    ],
    [
      status(409, {}, JSON.stringify({ error: "A_CODE_OF_TOMORROW", message: "Other." })),
      "SERVER_NOT_UNDERSTOOD",
    ],
    [status(404, {}, "<html>Not here"), "SERVER_NOT_UNDERSTOOD"],
    [status(200, {}, "<html>Welcome"), "SERVER_NOT_UNDERSTOOD"],
    [status(302, { location: "https://accounts.example.org/signin" }), "SERVER_NOT_UNDERSTOOD"],
  ];
  for (const [answer, code] of once) {
    const { client, asked } = await answering(answer);
    expect([await codeOf(ping(client)), asked.length]).toEqual([code, 1]);
  }
  const { client, asked } = await answering(cutOff);
  expect([await codeOf(ping(client)), asked.length]).toEqual(["SERVER_UNREACHABLE", 4]);
});

test("an event stream that breaks off in the middle of an event goes on after the last whole one", async () => {
  const run = pastRun("run-1", "ada@example.org");
  const summary = JSON.stringify(runSummarySchema.parse(run));
  const transition = (id: string): string =>
    `id: ${id}\nevent: transition\ndata: {"revision":1,"at":"2026-01-01T00:00:00.000Z","actor":"run","event":"e${id}","from":"a","to":"b"}\n\n`;
  const stream =
    (text: string, isWhole: boolean): Answer =>
    (request, response) => {
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(text, () => (isWhole ? response.end() : request.socket.destroy()));
    };
  const { client, asked } = await answering(
    status(503),
    stream(`${transition("1.0")}${transition("1.1")}${transition("2.0").slice(0, -20)}`, false),
    cutOff,
    stream(`: heartbeat\n\n${transition("2.0")}`, true),
    stream(`${transition("3.0")}event: run\ndata: ${summary}\n\n`, true),
    status(204),
    json(run),
  );
  const seen: string[] = [];
  let losses = 0;
  expect(
    await followRun(client, "run-1", {
      onTransition: ({ id }) => seen.push(id),
      onRun: ({ status: state }) => seen.push(state),
      onLost: () => losses++,
    }),
  ).toEqual(run);
  expect(seen).toEqual(["1.0", "1.1", "2.0", "3.0", "completed"]);
  expect(asked.map(({ headers }) => headers["last-event-id"])).toEqual([
    undefined,
    undefined,
    "1.1",
    "1.1",
    "2.0",
    "3.0",
    undefined,
  ]);
  expect(losses).toBe(2);
});

test("a run without transitions ends when its stream does; a page in place of a stream is refused", async () => {
  const run = pastRun("run-1", "ada@example.org");
  const { client } = await answering(
    (_, response) =>
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .end(`event: run\ndata: ${JSON.stringify(runSummarySchema.parse(run))}\n\n`),
    json(run),
  );
  expect(await followRun(client, "run-1", {})).toEqual(run);
  const page = await answering(status(200, { "content-type": "text/html" }, "<html>"));
  expect(await codeOf(followRun(page.client, "run-1", {}))).toBe("SERVER_NOT_UNDERSTOOD");
});

test("leaving ends the following at once, also while it waits", async () => {
  const leaving = new AbortController();
  const { client } = await answering((_, response) =>
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .write(": heartbeat\n\n", () => leaving.abort()),
  );
  await expect(followRun(client, "run-1", { signal: leaving.signal })).rejects.toThrow(/abort/i);
  const between = new AbortController();
  const broken = await answering(cutOff);
  await expect(
    followRun(broken.client, "run-1", { signal: between.signal, onLost: () => between.abort() }),
  ).rejects.toThrow(/abort/i);
});

test("a file that comes short is fetched again, never half there, and a store elsewhere gets no token", async () => {
  const folder = await temporaryFolder();
  const store = await answering((_, response) => response.writeHead(200).end("whole"));
  const listed = (url: string): Answer => json({ files: [{ kind: "log", url, bytes: 5 }] });
  const shorter = await answering(
    listed("/api/v1/runs/run-1/files/run-1_log.json"),
    status(200, {}, "who"),
    status(200, {}, "whole"),
  );
  await downloadResult(shorter.client, "run-1", "log", join(folder, "a.json"));
  expect(shorter.asked.map(({ url }) => url)).toEqual([
    "/api/v1/runs/run-1/result",
    ...Array.from({ length: 2 }, () => "/api/v1/runs/run-1/files/run-1_log.json"),
  ]);
  const signed = await answering(listed(`${store.url}/bucket/run-1_log.json?signature=x`));
  await downloadResult(signed.client, "run-1", "log", join(folder, "b.json"));
  expect(store.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  const never = await answering(
    listed("/api/v1/runs/run-1/files/run-1_log.json"),
    status(200, {}, "who"),
  );
  expect(await codeOf(downloadResult(never.client, "run-1", "log", join(folder, "c.json")))).toBe(
    "SERVER_UNREACHABLE",
  );
  expect((await readdir(folder)).toSorted()).toEqual(["a.json", "b.json"]);
  expect(await readFile(join(folder, "a.json"), "utf8")).toBe("whole");
});

test("what a server of the last release tells of a run and its jobs is read", async () => {
  const job = {
    job_id: "hs-run-1-i1-p-a1",
    iteration: 1,
    kind: "prediction",
    attempt: 1,
    state: "submitted",
    run_seconds: null,
    cost_usd: 0,
    problem: null,
  };
  const told = {
    ...pastRun("run-1", "ada@example.org", { status: "running", current_phase: "inference" }),
    rests_on: [],
    interrupted: false,
    waits_for: "prediction job hs-run-1-i1-p-a1 (attempt 1)",
    jobs: [job],
  };
  const { run_seconds: _seconds, cost_usd: _cost, ...shown } = job;
  const logs = { run_id: "run-1", jobs: [{ ...shown, output: "It begins.", elsewhere: null }] };
  const { client } = await answering(json(told), json(logs));
  const runs = remoteRuns(client, loadConfig({}, await temporaryFolder()));
  const found = await runs.get("run-1");
  expect(found).toEqual(told);
  expect(describeStatus(found)).toContain("Waits for: prediction job hs-run-1-i1-p-a1");
  expect(await runs.logs("run-1")).toEqual(logs);
});

test("addresses: a path is kept, and the token stays off open networks", () => {
  const at = (text: string, token: string | undefined = "t", insecure = false): string =>
    serverAddress(text, token, insecure).url;
  expect(at("https://haystack.example.org/")).toBe("https://haystack.example.org");
  expect(at("https://example.org/lab/haystack//")).toBe("https://example.org/lab/haystack");
  for (const own of ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"])
    expect(at(own)).toBe(own);
  for (const open of [
    "http://haystack.example.org",
    "http://127.0.0.1.example.org",
    "http://192.168.0.7",
    "http://localhost.example.org",
  ]) {
    expect(() => at(open)).toThrow(/unencrypted/);
    expect(at(open, "t", true)).toBe(open);
    expect(serverAddress(open, undefined, false).url).toBe(open);
  }
  for (const bad of [
    "haystack",
    "ftp://x",
    "file:///etc",
    "https://x/?a=1",
    "https://x/#a",
    "https://me@x",
  ])
    expect(() => at(bad)).toThrow(/address/);
});
