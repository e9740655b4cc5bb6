import { shownRun } from "../../actors/run-details.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TIME } from "../support/expected-runs.ts";
import { newRun, type RunDocument } from "../../services/runs/document.ts";
import {
  ADA,
  BO,
  pastRun,
  QUESTION,
  startApi,
  type ApiServer,
  type Caller,
} from "./api-harness.ts";

interface Page {
  readonly runs: readonly RunDocument[];
  readonly next_cursor: string | null;
}

let server: ApiServer;
let ada: Caller;
let bo: Caller;
let admin: Caller;

beforeAll(async () => {
  server = await startApi({ MAX_ACTIVE_RUNS: "1", HTTP_REQUESTS_PER_MINUTE: "100000" });
  [ada, bo, admin] = await Promise.all([
    server.caller(ADA),
    server.caller(BO),
    server.caller("root@example.org", "admin"),
  ]);
});
afterAll(() => server.close());

const errorOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { error: string }).error,
];
const idOf = async (response: Response) => ((await response.json()) as RunDocument).run_id;

test("a submitted run is named by its Location and belongs to who asked", async () => {
  const response = await ada.post("/runs", { query: QUESTION, config: { max_iterations: 3 } });
  const run = (await response.json()) as RunDocument;
  expect([response.status, response.headers.get("location")]).toEqual([
    201,
    `/api/v1/runs/${run.run_id}`,
  ]);
  const submitted = {
    ...newRun({
      run_id: run.run_id,
      query: QUESTION,
      user_email: ADA,
      config: { max_iterations: 3 },
      random_seed: run.random_seed,
      now: 0,
    }),
    created_at: TIME,
    updated_at: TIME,
  };
  expect(run).toStrictEqual(shownRun(submitted));
  expect((await server.daemon.runs.get(run.run_id))?.document.run_id).toBe(run.run_id);
});

test("a stored run whose address was typed in capital letters is its user's", async () => {
  await server.daemon.runs.insert(
    pastRun("run-in-capitals", ADA, { status: "completed", user_email: ADA.toUpperCase() }),
  );
  expect((await ada.get("/runs/run-in-capitals")).status).toBe(200);
  expect((await bo.get("/runs/run-in-capitals")).status).toBe(404);
});

test("only an administrator submits for somebody else", async () => {
  expect(await errorOf(await ada.post("/runs", { query: QUESTION, user_email: BO }))).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect((await ada.post("/runs", { query: QUESTION, user_email: ADA.toUpperCase() })).status).toBe(
    201,
  );
  expect(
    (
      (await (
        await admin.post("/runs", { query: QUESTION, user_email: "Bo@Example.org" })
      ).json()) as RunDocument
    ).user_email,
  ).toBe(BO);
});

test("what cannot become a run is refused in one sentence", async () => {
  expect(await errorOf(await ada.post("/runs", { query: " \n" }))).toEqual([400, "QUESTION_EMPTY"]);
  expect(await errorOf(await ada.post("/runs", { query: "x".repeat(4_001) }))).toEqual([
    413,
    "QUESTION_TOO_LONG",
  ]);
  expect(
    await errorOf(await ada.post("/runs", { query: QUESTION, config: { datasets: ["none"] } })),
  ).toEqual([404, "ATLAS_NOT_FOUND"]);
  expect(
    await errorOf(
      await ada.post("/runs", { query: QUESTION, config: { datasets: ["../../runs"] } }),
    ),
  ).toEqual([400, "OBJECT_PATH_INVALID"]);
  for (const bad of [
    {},
    { query: 7 },
    { query: QUESTION, config: { max_iterations: 0 } },
    { query: QUESTION, config: { colour: 1 } },
    { query: QUESTION, admin: true },
    { query: QUESTION, random_seed: -1 },
    { query: QUESTION, user_email: "a\r\nBcc: b@example.org" },
  ]) {
    expect([bad, await errorOf(await ada.post("/runs", bad))]).toEqual([bad, [400, "USAGE"]]);
  }
  const polluted = await fetch(`${server.url}/api/v1/runs`, {
    method: "POST",
    headers: { authorization: `Bearer ${ada.token}`, "content-type": "application/json" },
    body: '{"query":"x","__proto__":{"role":"admin"}}',
  });
  expect(polluted.status).toBe(400);
});

test("one key makes one run, also when it is sent many times at once", async () => {
  const send = () =>
    ada.post(
      "/runs",
      { query: QUESTION, config: { max_iterations: 2 } },
      { "idempotency-key": "order-1" },
    );
  const responses = await Promise.all(Array.from({ length: 8 }, send));
  expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    ...Array.from({ length: 7 }, () => 200),
    201,
  ]);
  const runs = (await Promise.all(responses.map((response) => response.json()))) as RunDocument[];
  expect(new Set(runs.map(({ run_id }) => run_id)).size).toBe(1);
  expect(new Set(runs.map(({ random_seed }) => random_seed)).size).toBe(1);
  expect(new Set(responses.map(({ headers }) => headers.get("location")))).toEqual(
    new Set([`/api/v1/runs/${runs[0]?.run_id}`]),
  );
});

test("a key that comes back with another request is refused; another user's same key is another run", async () => {
  const key = { "idempotency-key": "order-2" };
  const first = await idOf(await ada.post("/runs", { query: QUESTION, random_seed: 5 }, key));
  for (const other of [
    { query: `${QUESTION}?`, random_seed: 5 },
    { query: QUESTION },
    { query: QUESTION, random_seed: 6 },
    { query: QUESTION, random_seed: 5, config: { deliver: "last" } },
  ]) {
    expect(await errorOf(await ada.post("/runs", other, key))).toEqual([
      409,
      "IDEMPOTENCY_KEY_REUSED",
    ]);
  }
  expect(
    await idOf(
      await ada.post(
        "/runs",
        { random_seed: 5, config: { deliver: "best" }, query: QUESTION },
        key,
      ),
    ),
  ).toBe(first);
  expect(await idOf(await bo.post("/runs", { query: QUESTION, random_seed: 5 }, key))).not.toBe(
    first,
  );
  expect(
    (await ada.post("/runs", { query: QUESTION }, { "idempotency-key": "has space" })).status,
  ).toBe(400);
  expect(
    (await ada.post("/runs", { query: QUESTION }, { "idempotency-key": "k".repeat(201) })).status,
  ).toBe(400);
});

test("pages follow one another without gap or double while runs come in", async () => {
  const cleo = await server.caller("cleo@example.org");
  const names = Array.from({ length: 25 }, (_, index) => `past-${String(index).padStart(2, "0")}`);
  for (const [index, name] of names.entries())
    await server.daemon.runs.insert(
      pastRun(name, "cleo@example.org", {
        created_at: new Date(1_700_000_000_000 + Math.floor(index / 4)).toISOString(),
      }),
    );
  const seen: string[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const page = (await (
      await cleo.get(`/runs?limit=4${cursor === null ? "" : `&cursor=${cursor}`}`)
    ).json()) as Page;
    seen.push(...page.runs.map(({ run_id }) => run_id));
    cursor = page.next_cursor;
    pages += 1;
    await server.daemon.runs.insert(
      pastRun(`newer-${pages}`, "cleo@example.org", {
        created_at: new Date(1_900_000_000_000).toISOString(),
      }),
    );
  } while (cursor !== null);
  expect(seen).toEqual(names.toReversed());
  expect(pages).toBe(7);
});

test("the last page has no next page, also where it is full", async () => {
  const eve = await server.caller("eve@example.org");
  for (const name of ["eve-1", "eve-2", "eve-3"])
    await server.daemon.runs.insert(
      pastRun(name, "eve@example.org", { created_at: `2026-01-01T00:00:0${name.at(-1)}.000Z` }),
    );
  const page = async (query: string): Promise<[string[], boolean]> => {
    const { runs, next_cursor } = (await (await eve.get(`/runs?${query}`)).json()) as Page;
    return [runs.map(({ run_id }) => run_id), next_cursor !== null];
  };
  expect(await page("limit=2")).toEqual([["eve-3", "eve-2"], true]);
  expect(await page("limit=3")).toEqual([["eve-3", "eve-2", "eve-1"], false]);
  expect(await page("limit=4")).toEqual([["eve-3", "eve-2", "eve-1"], false]);
  const { next_cursor } = (await (await eve.get("/runs?limit=2")).json()) as Page;
  expect(await page(`limit=1&cursor=${next_cursor}`)).toEqual([["eve-1"], false]);
  expect(await page("text=nothing+of+the+kind")).toEqual([[], false]);
});

test("lists are filtered by status and by words of the question, and show own runs only", async () => {
  const dora = await server.caller("dora@example.org");
  await server.daemon.runs.insert(
    pastRun("dora-1", "dora@example.org", { query: "T cells and 50% serum?" }),
  );
  await server.daemon.runs.insert(
    pastRun("dora-2", "dora@example.org", { status: "failed", query: "B cells?" }),
  );
  const listed = async (query: string) =>
    ((await (await dora.get(`/runs?${query}`)).json()) as Page).runs.map(({ run_id }) => run_id);
  expect(await listed("")).toEqual(["dora-2", "dora-1"]);
  expect(await listed("status=failed")).toEqual(["dora-2"]);
  expect(await listed("text=50%25+SERUM")).toEqual(["dora-1"]);
  expect(await listed("text=%25")).toEqual(["dora-1"]);
  expect(await listed(`text=${encodeURIComponent("(a+)+$".repeat(30))}`)).toEqual([]);
  for (const bad of [
    "status=done",
    "text=",
    "text=%00",
    "limit=0",
    "limit=1000",
    "cursor=nonsense",
    `cursor=${Buffer.from('["x"]').toString("base64url")}`,
    `cursor=${Buffer.from('{"$gt":""}').toString("base64url")}`,
  ]) {
    expect([bad, await errorOf(await dora.get(`/runs?${bad}`))]).toEqual([bad, [400, "USAGE"]]);
  }
  const all = (await (await admin.get("/runs?all=true&limit=200")).json()) as Page;
  expect(new Set(all.runs.map(({ user_email }) => user_email))).toContain("dora@example.org");
});
