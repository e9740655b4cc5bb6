import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { LiteratureRequest, LiteratureService } from "../../services/literature/index.ts";
import { pubmedLiterature, type PubmedOptions } from "../../services/literature/pubmed.ts";
import { reportedDirection } from "../../services/literature/reported-direction.ts";
import { startPubmed, type Fault, type PubmedServer } from "../support/pubmed-server.ts";

const ARTICLES = [
  { id: "101", title: "Interferon-beta induces ISG15 in monocytes", about: ["IFN-beta", "ISG15"] },
  { id: "102", title: "ISG15 is upregulated by interferon", about: ["interferon beta", "ISG15"] },
  { id: "103", title: "Interferon suppresses IL8 transcription", about: ["IFN-beta", "IL8"] },
  { id: "104", title: "CXCL10 and the interferon response", about: ["IFN-beta", "CXCL10"] },
];
const REQUEST: LiteratureRequest = {
  perturbation: { name: "IFN-beta", synonyms: ["interferon beta"] },
  subjects: ["ISG15", "IL8", "CXCL10", "ACTB"].map((name) => ({ kind: "gene", name })),
};

/** Longer than any answer takes here. */
const TIMEOUT_MS = 60_000;
/** Timers count in whole milliseconds, from a whole one. */
const TIMER_MS = 2;

/**
 * Timers that a busy machine does not shorten the time between: they go on with the event loop, and
 * leap when they are told to.
 */
function steadyTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
}

describe("PubMed by the E-utilities", () => {
  let folder: string;
  let server: PubmedServer;
  let now: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-literature-"));
    server = await startPubmed(ARTICLES);
    now = 1_000;
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const literature = (more: Partial<PubmedOptions> = {}): LiteratureService =>
    pubmedLiterature({
      baseUrl: server.baseUrl,
      rateFile: join(folder, "rates.sqlite"),
      cacheFolder: folder,
      cacheMs: 500,
      timeoutMs: TIMEOUT_MS,
      now: () => now,
      ...more,
      guard: { requestsPerSecond: 1_000, firstBackoffMs: 1, ...more.guard },
    });

  test("a cache that cannot be written costs no search, and is told of once", async () => {
    const told: string[] = [];
    const search = literature({
      cacheFolder: join(folder, "rates.sqlite", "literature"),
      onTrouble: ({ message }) => told.push(message),
    });
    const request = { perturbation: ["interferon beta"], cellType: ["monocyte"], most: 3 };
    for (const attempt of [1, 2])
      expect([attempt, await search.articles(request)]).toMatchObject([
        attempt,
        { status: "searched" },
      ]);
    expect(told).toHaveLength(1);
  });

  test("finds the articles that name cells and perturbation, with year and plain title, at most so many", async () => {
    await server.close();
    const about = ["interferon beta", "monocytes"];
    server = await startPubmed([
      { id: "201", title: "Interferon <i>beta</i>\n in   monocytes", pubdate: "2019 Mar 5", about },
      { id: "202", title: "", about },
      { id: "203", title: "Monocytes again", about },
      { id: "204", title: "Another cell", about: ["interferon beta", "B cell"] },
      { id: "205", title: "One too many", about },
    ]);
    const request = {
      perturbation: ["interferon beta", "IFNB"],
      cellType: ["monocyte", "monocytes"],
      most: 3,
    };
    expect(await literature().articles(request)).toEqual({
      status: "searched",
      articles: [
        { pmid: "201", title: "Interferon beta in monocytes", year: 2019 },
        { pmid: "203", title: "Monocytes again", year: null },
      ],
    });
    expect(server.requests[0]?.parameters.get("term")).toBe(
      '("interferon beta"[tiab] OR "IFNB"[tiab]) AND ("monocyte"[tiab] OR "monocytes"[tiab])',
    );
    server.faults.push({ status: 400 });
    expect(await literature().articles({ ...request, most: 4 })).toStrictEqual({
      status: "unavailable",
      reason: expect.stringContaining("HTTP status 400") as string,
    });
    expect(await literature().articles({ ...request, perturbation: ["?"] })).toEqual({
      status: "searched",
      articles: [],
    });
  });

  test("counts articles, reads directions from titles and cites them", async () => {
    expect(
      await literature({ apiKey: "the-key", email: "me@example.org" }).search(REQUEST),
    ).toEqual({
      status: "searched",
      findings: [
        {
          kind: "gene",
          name: "ISG15",
          articles: 2,
          direction: "up",
          citations: ["PMID:101", "PMID:102"],
        },
        { kind: "gene", name: "IL8", articles: 1, direction: "down", citations: ["PMID:103"] },
        { kind: "gene", name: "CXCL10", articles: 1, direction: null, citations: ["PMID:104"] },
        { kind: "gene", name: "ACTB", articles: 0, direction: null, citations: [] },
      ],
    });
    expect(server.requests.map(({ path }) => path.split("/").at(-1))).toEqual([
      ...Array.from({ length: 4 }, () => "esearch.fcgi"),
      "esummary.fcgi",
    ]);
    expect(server.requests[0]?.parameters.get("term")).toBe(
      '("IFN-beta"[tiab] OR "interferon beta"[tiab]) AND "ISG15"[tiab]',
    );
    expect(
      server.requests.every(
        ({ parameters }) =>
          parameters.get("api_key") === "the-key" && parameters.get("email") === "me@example.org",
      ),
    ).toBe(true);
  });

  test("asks once, until the answers are too old; the key is nowhere in the cache", async () => {
    const first = await literature({ apiKey: "the-key" }).search(REQUEST);
    const asked = server.requests.length;
    expect(await literature().search(REQUEST)).toEqual(first);
    expect(server.requests.length).toBe(asked);
    for (const file of await filesIn(folder))
      expect(await readFile(file, "utf8")).not.toContain("the-key");
    now += 500;
    await literature().search(REQUEST);
    expect(server.requests.length).toBe(2 * asked);
  });

  test("a damaged cache file is asked for again, and put right", async () => {
    const first = await literature().search(REQUEST);
    for (const file of await filesIn(folder)) await writeFile(file, '{"half');
    expect(await literature().search(REQUEST)).toEqual(first);
    await server.close();
    expect(await literature().search(REQUEST)).toEqual(first);
  });

  test.each<{ name: string; fault: Fault }>([
    { name: "too many requests", fault: { status: 429, retryAfter: "0" } },
    { name: "a server error", fault: { status: 500 } },
    { name: "half an answer", fault: "malformed" },
    { name: "another shape", fault: "other shape" },
  ])("goes on after $name", async ({ fault }) => {
    server.faults.push(fault, fault);
    expect((await literature().search(REQUEST)).status).toBe("searched");
    expect(server.requests.length).toBe(7);
  });

  /** Lets the time limit of so many requests pass, as they come. */
  const outwait = async (requests: number): Promise<void> => {
    for (let count = 1; count <= requests; count += 1) {
      await server.arrived(count);
      vi.advanceTimersByTime(TIMEOUT_MS);
    }
  };

  test("goes on after no answer in time", async () => {
    steadyTimers();
    server.faults.push("silent", "silent");
    const searching = literature().search(REQUEST);
    await outwait(2);
    expect((await searching).status).toBe("searched");
    expect(server.requests.length).toBe(7);
  });

  test("Retry-After is waited for, up to half a minute", async () => {
    server.faults.push({ status: 429, retryAfter: "1" });
    await literature().search({ ...REQUEST, subjects: REQUEST.subjects.slice(3) });
    const [first, second] = server.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test.each<{ name: string; faults: Fault[]; reason: string }>([
    {
      name: "errors",
      faults: Array.from({ length: 4 }, () => ({ status: 503 })),
      reason: "The literature could not be searched: PubMed answered with HTTP status 503.",
    },
    {
      name: "refusal",
      faults: [{ status: 400 }],
      reason: "The literature could not be searched: PubMed answered with HTTP status 400.",
    },
    {
      name: "nonsense",
      faults: Array.from({ length: 4 }, () => "malformed" as const),
      reason: "The literature could not be searched: PubMed gave an answer that cannot be read.",
    },
  ])("lasting $name is an answer with its reason", async ({ faults, reason }) => {
    server.faults.push(...faults);
    expect(await literature().search(REQUEST)).toEqual({ status: "unavailable", reason });
    expect(server.requests.length).toBe(faults.length);
  });

  test("lasting silence is an answer with its reason", async () => {
    steadyTimers();
    server.faults.push(...Array.from({ length: 4 }, () => "silent" as const));
    const searching = literature().search(REQUEST);
    await outwait(4);
    expect(await searching).toEqual({
      status: "unavailable",
      reason: "The literature could not be searched: PubMed did not answer within 60 s.",
    });
    expect(server.requests.length).toBe(4);
  });

  test("without a network it says so, and after failures in a row it no longer asks", async () => {
    const service = literature({ guard: { failuresToOpen: 2, attempts: 1 } });
    server.faults.push({ status: 500 }, { status: 500 });
    for (let i = 0; i < 2; i += 1)
      expect((await service.search(REQUEST)).status).toBe("unavailable");
    expect(await service.search(REQUEST)).toEqual({
      status: "unavailable",
      reason:
        "The literature could not be searched: PubMed failed several times in a row and is not asked for a while.",
    });
    expect(server.requests.length).toBe(2);
    await server.close();
    expect(await literature().search(REQUEST)).toEqual({
      status: "unavailable",
      reason: "The literature could not be searched: PubMed cannot be reached.",
    });
  });

  test("keeps to three requests a second without a key", async () => {
    const at: number[] = [];
    const send = globalThis.fetch;
    vi.spyOn(globalThis, "fetch").mockImplementation((...request) => {
      at.push(performance.now());
      return send(...request);
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const rateFile = join(folder, "rates.sqlite");
    const begun = performance.now();
    await pubmedLiterature({
      baseUrl: server.baseUrl,
      rateFile,
      cacheFolder: folder,
      cacheMs: 500,
      timeoutMs: TIMEOUT_MS,
      now: () => now,
    }).search(REQUEST);
    expect(at).toHaveLength(5);
    // Each has taken a turn of a third of a second, and none went before its own.
    const rates = new DatabaseSync(rateFile, { readOnly: true });
    onTestFinished(() => rates.close());
    const taken = rates.prepare("SELECT free_at FROM pace").all();
    expect(taken).toEqual([{ free_at: expect.closeTo(now + (5 * 1_000) / 3, 6) as number }]);
    for (const [turn, sent] of at.entries())
      expect(sent - begun).toBeGreaterThanOrEqual((turn * 1_000) / 3 - TIMER_MS);
  });

  test("an abort is thrown at once", async () => {
    const stop = new AbortController();
    server.faults.push("silent");
    const searching = literature().search(REQUEST, stop.signal);
    stop.abort(new Error("cancelled"));
    await expect(searching).rejects.toThrow("cancelled");
  });

  test("names cannot carry operators into the search", async () => {
    await literature().search({
      perturbation: { name: 'x" OR "cancer"[tiab] OR "', synonyms: [] },
      subjects: [{ kind: "gene", name: "ISG15" }],
    });
    expect(server.requests[0]?.parameters.get("term")).toBe(
      '("x OR cancer tiab OR"[tiab]) AND "ISG15"[tiab]',
    );
  });
});

test.each([
  ["Interferon induces ISG15", "ISG15", "up"],
  ["IFN-β down-regulates <i>IL8</i>", "IL8", "down"],
  ["Interferon does not induce ISG15", "ISG15", null],
  ["Induction of ISG15L", "ISG15", null],
  ["ISG15 inhibits and activates", "ISG15", null],
  ["ISG15", "ISG15", null],
])("%s: %s is reported %s", (title, gene, direction) => {
  expect(reportedDirection(title, gene)).toBe(direction);
});

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
