import { EventEmitter, once } from "node:events";
import { truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { resultObjects } from "../../actors/run-objects.ts";
import { openAccess } from "../../adapters/access.ts";
import { clock as serverClock } from "../../adapters/clock.ts";
import { HaystackError } from "../../errors.ts";
import { createServer } from "../../server/app.ts";
import type { RouteModule } from "../../server/parts.ts";
import { createOpenRequests } from "../../server/access/open-requests.ts";
import { silentLogger } from "../../insight/logging.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { quickest } from "../support/quickest.ts";
import { startIdentityProvider } from "../support/identity-provider.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { pastRun } from "./api-harness.ts";
import { openAnswer } from "./open-answer.ts";

const WITHIN_MS = 1_000;
const TEN_MINUTES_MS = 600_000;
const DAY_MS = 86_400_000;
const ADA = "ada@example.org";

interface Open {
  readonly name: string;
  /** When it ended, by performance.now(). */
  readonly ended: Promise<number>;
  isOver(): boolean;
}

function opened(name: string, ends: (end: () => void) => void): Open {
  const { promise, resolve } = Promise.withResolvers<number>();
  let isOver = false;
  ends(() => {
    isOver = true;
    resolve(performance.now());
  });
  return { name, ended: promise, isOver: () => isOver };
}

/** A running run, and a completed one whose file is larger than what a connection holds. */
async function runsOf(server: TestServer): Promise<void> {
  await server.daemon.runs.insert(
    pastRun("live", ADA, { status: "running", current_phase: "inference" }),
    { owner: "elsewhere", expires_at: Date.now() + DAY_MS },
  );
  const { anndata } = resultObjects("done");
  const file = join(await temporaryFolder(), "large");
  await writeFile(file, "");
  await truncate(file, 200_000_000);
  await server.daemon.objects.put(anndata, file);
  await server.daemon.runs.insert(pastRun("done", ADA, { output_anndata_path: anndata }));
}

/** Everything that stays open, opened by one caller: a stream, a download that nobody reads, a socket. */
async function openAll(
  server: TestServer,
  headers: Record<string, string>,
  { withSocket = true } = {},
): Promise<Open[]> {
  const api = `${server.url}/api/v1/runs`;
  const stream = await openAnswer(`${api}/live/events`, headers);
  stream.resume();
  // Who does not read does not hear of the end, so the server's side is watched.
  const sockets: Socket[] = [];
  server.app.server.on("connection", (each: Socket) => sockets.push(each));
  const download = await openAnswer(`${api}/done/files/done_predictions.h5ad`, headers);
  const streamed = opened("stream", (end) => stream.on("close", end));
  const unread = opened("unread download", (end) =>
    sockets.find((each) => each.remotePort === download.socket.localPort)?.on("close", end),
  );
  if (!withSocket) return [streamed, unread];
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/inspect`, { headers });
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  return [streamed, unread, opened("socket", (end) => socket.on("close", end))];
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const WAYS: Readonly<Record<string, (server: TestServer, id: string) => Promise<void>>> = {
  "revoked by another process": async ({ config }, id) => {
    const other = await openAccess(config);
    await other.revokeToken(id, Date.now());
    await other.close();
  },
  "no administrator any more": async ({ config }, id) => {
    const db = new DatabaseSync(join(config.dataDir, "access.sqlite"));
    db.prepare("UPDATE tokens SET role = 'user' WHERE id = ?").run(id);
    db.close();
  },
  "gone from the store": async ({ config }, id) => {
    const db = new DatabaseSync(join(config.dataDir, "access.sqlite"));
    db.prepare("DELETE FROM tokens WHERE id = ?").run(id);
    db.close();
  },
};

// By the clock the shortest of some tries counts, as a machine may be busy; by the server's own
// looks ("twice a second") each does, as one may be lucky.

test.each(Object.keys(WAYS))(
  "%s: all that was open closes within a second, nothing else",
  async (way) => {
    const closing = async (): Promise<number> => {
      const server = await startTestServer({ env: { AUTH: "token" } });
      await runsOf(server);
      const token = await server.token("root@example.org", "admin");
      const id = (await server.parts.access.listTokens())[0]?.id ?? "";
      const theirs = await openAll(server, bearer(token));
      const others = await openAll(server, bearer(await server.token("root@example.org", "admin")));
      const own = await openAll(server, bearer(await server.token(ADA)), { withSocket: false });
      const from = performance.now();
      await WAYS[way]?.(server, id);
      const last = Math.max(...(await Promise.all(theirs.map(({ ended }) => ended))));
      const isOver = [...others, ...own].filter((open) => open.isOver()).map(({ name }) => name);
      expect(isOver).toEqual([]);
      return last - from;
    };
    expect(await quickest(WITHIN_MS, closing)).toBeLessThan(WITHIN_MS);
  },
);

/** Puts the server's clock forward; when all of these have ended, in milliseconds from then. */
async function endingAfter(ms: number, open: readonly Open[]): Promise<number> {
  expect(open.filter((each) => each.isOver())).toEqual([]);
  const from = performance.now();
  const { now } = serverClock;
  const later = vi.spyOn(serverClock, "now").mockImplementation(() => now() + ms);
  const last = Math.max(...(await Promise.all(open.map(({ ended }) => ended))));
  later.mockRestore();
  return last - from;
}

test("a token that expires closes what it opened, the user's too", async () => {
  const closing = async (): Promise<number> => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    await runsOf(server);
    const token = await server.token(ADA, "user", TEN_MINUTES_MS / DAY_MS);
    const open = await openAll(server, bearer(token), { withSocket: false });
    return endingAfter(TEN_MINUTES_MS, open);
  };
  expect(await quickest(WITHIN_MS, closing)).toBeLessThan(WITHIN_MS);
});

test("an assertion of the proxy is good for what it opened as long as it is good", async () => {
  const provider = await startIdentityProvider();
  onTestFinished(() => provider.close());
  const server = await startTestServer({ env: { ...provider.env, ADMINS: ADA } });
  await runsOf(server);
  const closing = async (): Promise<number> => {
    // 30 seconds are tolerated.
    const assertion = await provider.assertion({ email: ADA, expiresIn: TEN_MINUTES_MS / 1_000 });
    const open = await openAll(server, { "x-goog-iap-jwt-assertion": assertion });
    return endingAfter(TEN_MINUTES_MS + 30_000, open);
  };
  expect(await quickest(WITHIN_MS, closing)).toBeLessThan(WITHIN_MS);
});

/** One route of each kind that does not answer. */
const endless: RouteModule = {
  prefix: "/api/v1",
  routes: () => async (app) => {
    const never = (): Promise<never> => new Promise(() => undefined);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"])
      for (const access of ["user", "admin"] as const)
        app.route({ method, url: `/endless/${access}`, config: { access }, handler: never });
  },
};

test("whatever a route does, its answer ends with the right to it", async () => {
  const server = await startTestServer({ env: { AUTH: "token" } });
  const app = await createServer(server.parts, [endless]);
  onTestFinished(() => app.close());
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const routes = app.guardedRoutes.filter(({ access }) => access !== "public");
  expect(routes.length).toBeGreaterThanOrEqual(10);
  const asked = new EventEmitter();
  app.server.on("request", () => asked.emit("request"));
  const cutting = async (): Promise<number> => {
    const token = await server.token("root@example.org", "admin");
    const id = (await server.parts.access.listTokens())[0]?.id ?? "";
    let begun = 0;
    const all = Promise.withResolvers<void>();
    asked.removeAllListeners().on("request", () => {
      begun += 1;
      if (begun === routes.length) all.resolve();
    });
    const ended = routes.map(
      (route) =>
        new Promise<string>((resolve) => {
          const asking = request(`${url}${route.url}`, {
            method: route.method,
            headers: bearer(token),
          });
          asking.on("response", ({ statusCode }) => resolve(`answered ${statusCode}`));
          asking.on("error", () => resolve("cut"));
          asking.end();
        }),
    );
    await all.promise;
    // Those who came first have been identified when a later request is answered.
    expect((await fetch(`${url}/api/v1/nothing`, { headers: bearer(token) })).status).toBe(404);
    const from = performance.now();
    await server.parts.access.revokeToken(id, Date.now());
    expect(new Set(await Promise.all(ended))).toEqual(new Set(["cut"]));
    return performance.now() - from;
  };
  expect(await quickest(WITHIN_MS, cutting)).toBeLessThan(WITHIN_MS);
});

test("what is open ends when the time of who asked is over, no earlier", async () => {
  const clock = manualClock();
  const requests = createOpenRequests({
    access: { standingShares: async () => [] } as never,
    clock,
    config: { AUTH: "iap", ADMINS: "" } as never,
    logger: silentLogger(),
  });
  onTestFinished(() => requests.close());
  const end = vi.fn<() => void>();
  const identity = {
    owner: ADA,
    role: "user",
    credential: "iap",
    until: clock.now() + 450,
  } as const;
  requests.watch({ identity, sharedRuns: new Set() }, end);
  clock.advance(449);
  expect(end).not.toHaveBeenCalled();
  await expect.poll(() => clock.waiting).toBe(1);
  clock.advance(500);
  expect(end).toHaveBeenCalledOnce();
});

test.each(["token", "share", "nothing"] as const)(
  "twice a second it is looked whether what is open may stay: where %s is gone",
  async (gone) => {
    const clock = manualClock();
    const until = clock.now() + 3_600_000;
    const looked = Promise.withResolvers<void>();
    const token = { id: "t1", owner: ADA, role: "user", expires_at: until, revoked_at: null };
    const requests = createOpenRequests({
      access: {
        tokensOf: async () => (gone === "token" ? [] : [token]),
        standingShares: async (readers: readonly unknown[]) => {
          setImmediate(looked.resolve);
          return gone === "share" ? [] : readers;
        },
      } as never,
      clock,
      config: { AUTH: "token", ADMINS: "" } as never,
      logger: silentLogger(),
    });
    onTestFinished(() => requests.close());
    const end = vi.fn<() => void>();
    requests.watch(
      {
        identity: { owner: ADA, role: "user", credential: "t1", until },
        sharedRuns: new Set(["r1"]),
      },
      () => {
        end();
        looked.resolve();
      },
    );
    clock.advance(500);
    await looked.promise;
    expect(end).toHaveBeenCalledTimes(gone === "nothing" ? 0 : 1);
  },
);

test("while it cannot be found out who still may ask, answers go on for ten seconds, no longer", async () => {
  const clock = manualClock();
  const looks: PromiseWithResolvers<void>[] = [];
  const requests = createOpenRequests({
    access: {
      tokensOf: async () => {
        looks.at(-1)?.resolve();
        throw new HaystackError("STORE_UNAVAILABLE", "The store is away.");
      },
    } as never,
    clock,
    config: { AUTH: "token", ADMINS: "" } as never,
    logger: silentLogger(),
  });
  onTestFinished(() => requests.close());
  let isOver = false;
  requests.watch(
    {
      identity: { owner: ADA, role: "user", credential: "t1", until: clock.now() + 3_600_000 },
      sharedRuns: new Set(),
    },
    () => (isOver = true),
  );
  const look = async (): Promise<void> => {
    const next = Promise.withResolvers<void>();
    looks.push(next);
    clock.advance(500);
    await next.promise;
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let at = 0; at < 10; at += 1) await look();
  expect(isOver).toBe(false);
  for (let at = 0; at < 12; at += 1) if (!isOver) await look();
  expect(isOver).toBe(true);
});
