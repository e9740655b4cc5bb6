import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { openAccess } from "../../adapters/access.ts";
import { HaystackError } from "../../errors.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { ADA, BO, pastRun } from "./api-harness.ts";

const ROOT = "root@example.org";
const FROM = "127.0.0.1";

async function scene() {
  const server = await startTestServer({
    env: { AUTH: "token", HTTP_REQUESTS_PER_MINUTE: "100000" },
  });
  for (const [id, owner] of [
    ["of-ada", ADA],
    ["of-root", ROOT],
  ] as const)
    await server.daemon.runs.insert(pastRun(id, owner));
  const ask = (token: string, path: string, init: RequestInit = {}) =>
    fetch(`${server.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });
  return { server, ask };
}

const audit = async ({ parts }: TestServer) =>
  (await parts.access.listAudit({}))
    .toReversed()
    .map(({ who, from, action, target, outcome }) =>
      [who, from, action, target, outcome].join(" "),
    );

const idOf = async ({ parts }: TestServer, owner: string): Promise<string> =>
  (await parts.access.listTokens()).find((token) => token.owner === owner)?.id ?? "";

test("an administrator's look at another's run is recorded before it, their own and a user's are not", async () => {
  const { server, ask } = await scene();
  const [root, ada] = [await server.token(ROOT, "admin"), await server.token(ADA)];
  const look = (target: string) => `${ROOT} ${FROM} look ${target} begun`;
  for (const path of [
    "/api/v1/runs/of-root",
    "/admin/runs/of-root",
    "/api/v1/runs",
    "/admin/readiness",
  ])
    expect((await ask(root, path)).status).toBe(200);
  for (const path of ["/api/v1/runs/of-ada", "/api/v1/runs"])
    expect((await ask(ada, path)).status).toBe(200);
  expect(await audit(server)).toEqual([]);
  for (const path of [
    "/api/v1/runs/of-ada",
    "/api/v1/runs/of-ada/events",
    "/admin/runs/of-ada",
    "/admin/runs/of-ada/history",
    "/api/v1/runs?all=true",
    "/admin/supervisor",
    "/admin/supervisor",
  ])
    expect((await ask(root, path)).status).toBeLessThan(300);
  expect(await audit(server)).toEqual([
    look("of-ada"),
    look("/api/v1/runs"),
    look("/admin/supervisor"),
  ]);
  const [entry] = await server.parts.access.listAudit({ target: "of-ada" });
  expect(entry?.credential).toBe(await idOf(server, ROOT));
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/inspect`, {
    headers: { authorization: `Bearer ${root}` },
  });
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  expect((await audit(server)).at(-1)).toBe(look("/inspect"));
});

test("what cannot be recorded is not shown", async () => {
  const { server, ask } = await scene();
  const root = await server.token(ROOT, "admin");
  server.parts.access.recordAudit = async () => {
    throw new HaystackError("STORE_UNAVAILABLE", "The store is away.");
  };
  expect((await ask(root, "/admin/runs/of-ada")).status).toBe(503);
  expect((await ask(root, "/api/v1/runs/of-root")).status).toBe(200);
});

test("who was refused, from where and with which token is on record", async () => {
  const { server, ask } = await scene();
  const [bo, gone] = [await server.token(BO), await server.token("gone@example.org")];
  const goneId = await idOf(server, "gone@example.org");
  await server.parts.access.revokeToken(goneId, Date.now());
  expect((await ask(bo, "/admin/runs/of-ada")).status).toBe(403);
  expect((await ask(gone, "/api/v1/runs/of-ada", { method: "DELETE" })).status).toBe(401);
  expect((await ask("hs_none", "/nothing")).status).toBe(404);
  expect((await fetch(`${server.url}/api/v1/runs`)).status).toBe(401);
  const entries = (await server.parts.access.listAudit({})).toReversed();
  expect(entries.map(({ at: _, id: __, ...entry }) => entry)).toEqual([
    {
      who: BO,
      credential: await idOf(server, BO),
      from: FROM,
      action: "GET",
      target: "/admin/runs/:id",
      outcome: "FORBIDDEN",
    },
    {
      who: "",
      credential: goneId,
      from: FROM,
      action: "DELETE",
      target: "/api/v1/runs/:id",
      outcome: "UNAUTHENTICATED",
    },
    {
      who: "",
      credential: "nobody",
      from: FROM,
      action: "GET",
      target: "/api/v1/runs",
      outcome: "UNAUTHENTICATED",
    },
  ]);
});

test("refusals without end fill no store", async () => {
  const { server } = await scene();
  const statuses = await Promise.all(
    Array.from({ length: 150 }, async () => (await fetch(`${server.url}/api/v1/runs`)).status),
  );
  expect(statuses).toContain(429);
  const { length } = await server.parts.access.listAudit({ limit: 500 });
  expect(length).toBeGreaterThan(10);
  expect(length).toBeLessThanOrEqual(120);
});

test("a store of an earlier release takes in where requests come from", async () => {
  const { server } = await scene();
  const { config } = server;
  await server.parts.access.recordAudit({
    at: 1,
    who: "a",
    credential: "b",
    from: FROM,
    action: "c",
    target: "d",
    outcome: "e",
  });
  const db = new DatabaseSync(join(config.dataDir, "access.sqlite"));
  db.exec("ALTER TABLE audit DROP COLUMN source");
  db.close();
  const again = await openAccess(config);
  onTestFinished(() => again.close());
  await again.recordAudit({
    at: 2,
    who: "a",
    credential: "b",
    from: FROM,
    action: "c",
    target: "d",
    outcome: "e",
  });
  expect((await again.listAudit({})).map(({ from }) => from)).toEqual([FROM, undefined]);
});
