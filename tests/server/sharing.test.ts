import { readFile, truncate, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { openAccess } from "../../adapters/access.ts";
import { createServer } from "../../server/app.ts";
import { sharedAmong } from "../../server/access/shared.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { quickest } from "../support/quickest.ts";
import { startIdentityProvider } from "../support/identity-provider.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { ADA, BO, pastRun } from "./api-harness.ts";
import { openAnswer } from "./open-answer.ts";

const WITHIN_MS = 1_000;
const ROOT = "root@example.org";

interface Told {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly message?: string;
    readonly shares?: readonly { readonly user: string; readonly shared_by: string }[];
    readonly runs?: readonly RunDocument[];
    readonly [field: string]: unknown;
  };
}

async function twoUsers() {
  const server = await startTestServer({ env: { AUTH: "token" } });
  const { runs } = server.daemon;
  await runs.insert(pastRun("r1", ADA));
  await runs.insert(pastRun("r2", ADA));
  await runs.insert(pastRun("r3", BO));
  const tokens = {
    [ADA]: await server.token(ADA),
    [BO]: await server.token(BO),
    [ROOT]: await server.token(ROOT, "admin"),
  };
  const ask = async (who: keyof typeof tokens, method: string, path: string): Promise<Told> => {
    const answer = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens[who]}` },
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Told["body"]) };
  };
  return { ...server, ask, tokens };
}

const idsOf = ({ body }: Told): string[] => (body.runs ?? []).map(({ run_id }) => run_id);

test("two users see nothing of each other; what is shared is read, and no more than that run", async () => {
  const { ask } = await twoUsers();
  expect((await ask(BO, "GET", "/runs/r1")).status).toBe(404);
  expect(idsOf(await ask(BO, "GET", "/runs"))).toEqual(["r3"]);
  expect(idsOf(await ask(BO, "GET", "/runs?shared=true"))).toEqual([]);

  const shared = await ask(ADA, "PUT", `/runs/r1/shares/${encodeURIComponent(" BO@Example.org")}`);
  expect(shared).toMatchObject({ status: 200, body: { shares: [{ user: BO, shared_by: ADA }] } });

  expect((await ask(BO, "GET", "/runs/r1")).body).toMatchObject({
    run_id: "r1",
    user_email: ADA,
    shared_with_you: true,
  });
  expect((await ask(BO, "GET", "/runs/r1")).body).not.toHaveProperty("shared_with");
  expect((await ask(ADA, "GET", "/runs/r1")).body).toMatchObject({
    shared_with_you: false,
    shared_with: [BO],
  });
  expect((await ask(BO, "GET", "/runs/r2")).status).toBe(404);
  expect(idsOf(await ask(BO, "GET", "/runs"))).toEqual(["r3"]);
  expect(idsOf(await ask(BO, "GET", "/runs?shared=true"))).toEqual(["r1"]);
  expect(idsOf(await ask(BO, "GET", "/runs?shared=true&id=r3"))).toEqual([]);
  expect(idsOf(await ask(ADA, "GET", "/runs?shared=true"))).toEqual([]);
  for (const [method, path] of [
    ["POST", "/runs/r1/cancel"],
    ["POST", "/runs/r1/retry"],
    ["DELETE", "/runs/r1"],
    ["GET", "/runs/r1/shares"],
    ["PUT", "/runs/r1/shares/cy@example.org"],
    ["DELETE", `/runs/r1/shares/${BO}`],
  ] as const)
    expect([method, path, await ask(BO, method, path)]).toEqual([
      method,
      path,
      {
        status: 403,
        body: expect.objectContaining({
          message: "This run is shared with you to read; only its owner may do this.",
        }) as unknown,
      },
    ]);

  expect((await ask(ADA, "DELETE", `/runs/r1/shares/${BO}`)).body).toEqual({ shares: [] });
  expect((await ask(BO, "GET", "/runs/r1")).status).toBe(404);
  expect((await ask(BO, "POST", "/runs/r1/cancel")).status).toBe(404);
  expect(idsOf(await ask(BO, "GET", "/runs?shared=true"))).toEqual([]);
});

test("whether an address is a user's is not told; what is no address is refused in a sentence", async () => {
  const { ask } = await twoUsers();
  const told = async (user: string) => {
    const { status, body } = await ask(ADA, "PUT", `/runs/r1/shares/${encodeURIComponent(user)}`);
    return { status, fields: Object.keys(body) };
  };
  expect(await told(BO)).toEqual(await told("nobody.at.all@example.org"));
  for (const user of ["bo", "bo@", "@x", "a b@example.org", "a@b@c", "bo@example.org\u0000"])
    expect(await ask(ADA, "PUT", `/runs/r1/shares/${encodeURIComponent(user)}`)).toMatchObject({
      status: 400,
      body: { error: "USAGE", message: expect.stringContaining("e-mail address") as string },
    });
  expect(await ask(ADA, "PUT", `/runs/r1/shares/${ADA}`)).toMatchObject({
    status: 400,
    body: { message: `The run is ${ADA}'s own; name another user.` },
  });
  expect((await ask(BO, "PUT", `/runs/r2/shares/${ADA}`)).status).toBe(404);
  expect((await ask(ADA, "PUT", `/runs/none/shares/${BO}`)).status).toBe(404);
});

test("one run is shared with a hundred users, no more, also when they are asked for together", async () => {
  const { ask, parts } = await twoUsers();
  for (let user = 0; user < 98; user++)
    await parts.access.share({
      run_id: "r1",
      user: `u${user}@example.org`,
      shared_by: ADA,
      shared_at: 1,
    });
  const answers = await Promise.all(
    ["a", "b", "c", "d"].map((name) => ask(ADA, "PUT", `/runs/r1/shares/${name}@example.org`)),
  );
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200, 200, 422, 422,
  ]);
  expect(await parts.access.sharesOf("r1")).toHaveLength(100);
  expect((await ask(ADA, "PUT", "/runs/r1/shares/u1@example.org")).status).toBe(200);
});

test("who shared and took back what, with whom, is on record", async () => {
  const { ask, parts } = await twoUsers();
  await ask(ADA, "PUT", `/runs/r1/shares/${BO}`);
  await ask(ROOT, "DELETE", `/runs/r1/shares/${BO}`);
  const entries = await parts.access.listAudit({ target: "r1" });
  expect(entries.toReversed().map(({ who, action, outcome }) => [who, action, outcome])).toEqual([
    [ADA, `share ${BO}`, "begun"],
    [ADA, `share ${BO}`, "done"],
    [ROOT, `unshare ${BO}`, "begun"],
    [ROOT, `unshare ${BO}`, "done"],
  ]);
});

test("a deleted run is shared with nobody, also where its id comes again", async () => {
  const { ask, daemon, parts } = await twoUsers();
  await ask(ADA, "PUT", `/runs/r1/shares/${BO}`);
  await ask(ADA, "PUT", `/runs/r2/shares/${BO}`);
  expect((await ask(ADA, "DELETE", "/runs/r1")).status).toBe(204);
  await daemon.runs.insert(pastRun("r1", ADA));
  expect((await ask(BO, "GET", "/runs/r1")).status).toBe(404);
  expect(await parts.access.sharesOf("r1")).toEqual([]);
  expect(idsOf(await ask(BO, "GET", "/runs?shared=true"))).toEqual(["r2"]);
});

test("an administrator takes back all that is shared with somebody who leaves", async () => {
  const { ask, url, tokens, parts } = await twoUsers();
  await ask(ADA, "PUT", `/runs/r1/shares/${BO}`);
  await ask(ADA, "PUT", `/runs/r2/shares/${BO}`);
  await ask(ADA, "PUT", "/runs/r2/shares/cy@example.org");
  const answer = await fetch(`${url}/admin/shares/${BO}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${tokens[ROOT]}` },
  });
  expect(await answer.json()).toEqual({ user: BO, runs: 2 });
  expect((await ask(BO, "GET", "/runs/r1")).status).toBe(404);
  expect((await parts.access.sharesOf("r2")).map(({ user }) => user)).toEqual(["cy@example.org"]);
  expect((await parts.access.listAudit({ target: BO })).map(({ action }) => action)).toEqual([
    "unshare all",
    "unshare all",
  ]);
});

test("without sign-in there is nobody to share with", async () => {
  const server = await startTestServer();
  await server.daemon.runs.insert(pastRun("r1", ADA));
  const answer = await fetch(`${server.url}/api/v1/runs/r1/shares/${BO}`, { method: "PUT" });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    error: "USAGE",
    message: expect.stringContaining("set AUTH") as string,
  });
  expect(await sharedAmong(server.parts, { owner: "local" } as never, ["r1"])).toEqual(new Set());
});

test("links that cannot be taken back are for the owner alone", async () => {
  const { daemon, parts, tokens } = await twoUsers();
  const { anndata } = resultObjects("r4");
  const delivered = JSON.parse(
    await readFile("tests/machines/golden/v1-completed.json", "utf8"),
  ) as { document: RunDocument };
  await daemon.runs.insert({ ...delivered.document, run_id: "r4", user_email: ADA });
  await parts.access.share({ run_id: "r4", user: BO, shared_by: ADA, shared_at: 1 });
  const objects = { ...parts.objects, signedUrl: async () => "https://signed.example.org/x" };
  const app = await createServer({ ...parts, objects });
  onTestFinished(() => app.close());
  const linksOf = async (who: typeof ADA | typeof BO): Promise<string[]> => {
    const answer = await app.inject({
      url: "/api/v1/runs/r4/result",
      headers: { authorization: `Bearer ${tokens[who]}` },
    });
    expect(answer.statusCode).toBe(200);
    return answer.json<{ files: { url: string }[] }>().files.map(({ url }) => url);
  };
  expect(new Set(await linksOf(ADA))).toEqual(new Set(["https://signed.example.org/x"]));
  expect(await linksOf(BO)).toContain(
    `/api/v1/runs/r4/files/${anndata.slice(anndata.lastIndexOf("/") + 1)}`,
  );
});

/** A stream of one run, one of several, and a download that nobody reads; when each has ended. */
async function openAll(server: TestServer, headers: Record<string, string>) {
  const api = `${server.url}/api/v1`;
  const ends: Record<string, Promise<number>> = {};
  const over = new Set<string>();
  const ended = (name: string, emitter: { once(event: "close", then: () => void): unknown }) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    emitter.once("close", () => {
      over.add(name);
      resolve(performance.now());
    });
    ends[name] = promise;
  };
  for (const [name, path] of [
    ["stream", "/runs/live/events"],
    ["stream of several", "/events?id=live&id=other"],
  ] as const) {
    const stream = await openAnswer(`${api}${path}`, headers);
    stream.resume();
    ended(name, stream);
  }
  // Who does not read does not hear of the end, so the server's side is watched.
  const sockets: Socket[] = [];
  server.app.server.on("connection", (each: Socket) => sockets.push(each));
  const download = await openAnswer(`${api}/runs/done/files/done_predictions.h5ad`, headers);
  const side = sockets.find((each) => each.remotePort === download.socket.localPort);
  if (side !== undefined) ended("unread download", side);
  return { ends, over };
}

async function runsOf(server: TestServer): Promise<void> {
  const { runs, objects } = server.daemon;
  for (const id of ["live", "other"])
    await runs.insert(pastRun(id, ADA, { status: "running", current_phase: "inference" }), {
      owner: "elsewhere",
      expires_at: Date.now() + 600_000,
    });
  const { anndata } = resultObjects("done");
  const file = join(await temporaryFolder(), "large");
  await writeFile(file, "");
  await truncate(file, 200_000_000);
  await objects.put(anndata, file);
  await runs.insert(pastRun("done", ADA, { output_anndata_path: anndata }));
  for (const run_id of ["live", "done"])
    for (const user of [BO, "cy@example.org"])
      await server.parts.access.share({ run_id, user, shared_by: ADA, shared_at: 1 });
}

// By the clock the shortest of some tries counts, as a machine may be busy.

test("what is taken back, in whatever process, closes within a second all that was open of it, and nothing else", async () => {
  const closing = async (): Promise<number> => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    await runsOf(server);
    const bearer = async (owner: string) => ({
      authorization: `Bearer ${await server.token(owner)}`,
    });
    const theirs = await openAll(server, await bearer(BO));
    const others = await openAll(server, await bearer("cy@example.org"));
    const own = await openAll(server, await bearer(ADA));
    const from = performance.now();
    const other = await openAccess(server.config);
    for (const run_id of ["live", "done"]) await other.unshare({ run_id, user: BO });
    await other.close();
    const ends = Object.values(theirs.ends);
    expect(ends).toHaveLength(3);
    const last = Math.max(...(await Promise.all(ends)));
    expect([...others.over, ...own.over]).toEqual([]);
    return last - from;
  };
  expect(await quickest(WITHIN_MS, closing)).toBeLessThan(WITHIN_MS);
});

test("behind the proxy sharing is taken back just so", async () => {
  const closing = async (): Promise<number> => {
    const provider = await startIdentityProvider();
    onTestFinished(() => provider.close());
    const server = await startTestServer({ env: { ...provider.env } });
    await runsOf(server);
    const headers = {
      "x-goog-iap-jwt-assertion": await provider.assertion({ email: "Bo@Example.org" }),
    };
    const { ends } = await openAll(server, headers);
    const from = performance.now();
    for (const run_id of ["live", "done"]) await server.parts.access.unshare({ run_id, user: BO });
    return Math.max(...(await Promise.all(Object.values(ends)))) - from;
  };
  expect(await quickest(WITHIN_MS, closing)).toBeLessThan(WITHIN_MS);
});
