import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openH5ad } from "../../science/anndata/open.ts";
import { runSummarySchema } from "../../server/runs/schemas.ts";
import { accuracyInWords } from "../../science/report/wording.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import { newRun, runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import type { EventStreamClient } from "../support/event-stream.ts";
import { refusal, refusalBody } from "../support/refusals.ts";
import { ADA, BO, QUESTION, startApi, type ApiServer, type Caller } from "./api-harness.ts";

interface Result {
  readonly files: readonly {
    readonly name: string;
    readonly kind: string;
    readonly url: string;
    readonly bytes: number;
    readonly content_type: string;
  }[];
  readonly [field: string]: unknown;
}

let server: ApiServer;
let ada: Caller;
let bo: Caller;
let run: RunDocument;
let live: EventStreamClient;
/** A question that is also an attack on whoever shows it. */
const HOSTILE = `${QUESTION} <script>alert("x")</script><img src=x onerror=alert(1)>`;

beforeAll(async () => {
  server = await startApi({}, { withAtlas: true });
  [ada, bo] = await Promise.all([server.caller(ADA), server.caller(BO)]);
  run = await ada.submit({
    query: HOSTILE,
    config: { max_iterations: 2, prompt_cells: 20, query_cells: 20 },
    random_seed: 7,
  });
  live = await ada.events(run.run_id);
  await live.ended;
});
afterAll(() => server.close());

test("a submitted question completes, and what the API shows is what is stored", async () => {
  expect(runDocumentSchema.parse(run)).toStrictEqual(
    newRun({
      run_id: run.run_id,
      query: HOSTILE,
      user_email: ADA,
      config: { max_iterations: 2, prompt_cells: 20, query_cells: 20 },
      random_seed: 7,
      now: Date.parse(run.created_at),
    }),
  );
  // The mail that follows a run's end changes the time of its last update.
  await expect
    .poll(
      async () => (await server.daemon.runs.get(run.run_id))?.outbox.map(({ state }) => state),
      { timeout: 60_000 },
    )
    .toEqual(["sent"]);
  const shown = (await (await ada.get(`/runs/${run.run_id}`)).json()) as RunDocument;
  expect([shown.status, shown.current_phase]).toEqual(["completed", null]);
  const stored = (await server.daemon.runs.get(run.run_id))?.document;
  expect(stored).toBeDefined();
  expect(shown).toMatchObject({ ...stored, rests_on: restsOn(stored!) });
  expect(runDocumentSchema.parse(shown)).toEqual(stored);
});

test("before anything is spent the outlook says what the first iteration then says", async () => {
  const outlook = async (query: string): Promise<unknown> => {
    const answer = await ada.post("/questions/outlook", {
      query,
      config: { max_iterations: 2, prompt_cells: 20, query_cells: 20 },
    });
    return [answer.status, await answer.json()];
  };
  const { iterations } = (await server.daemon.runs.get(run.run_id))!.document;
  const expected = iterations[0]?.expected_accuracy;
  expect(expected).toBeDefined();
  expect(await outlook(QUESTION)).toEqual([
    200,
    { expected_accuracy: expected, expected_accuracy_in_words: accuracyInWords(expected!) },
  ]);
  expect(await outlook("How would dogs respond to walks?")).toEqual([
    200,
    { expected_accuracy: null, expected_accuracy_in_words: null },
  ]);
});

test("the stream showed every committed transition, in order, and ended by itself", async () => {
  const history = await server.daemon.runs.history(run.run_id);
  const transitions = live.events.filter(({ event }) => event === "transition");
  expect(transitions.map(({ data }) => data)).toEqual(
    history.map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })),
  );
  expect(new Set(transitions.map(({ id }) => id)).size).toBe(history.length);
  const states = transitions
    .filter(({ data }) => data["actor"] === "run")
    .map(({ data }) => String(data["to"]));
  expect(
    states
      .filter((state, index) => state !== states[index - 1])
      .map((state) => state.replace(/\..*/, "")),
  ).toEqual(
    expect.arrayContaining([
      "analyzing",
      "prompting",
      "inferring",
      "evaluating",
      "outputting",
      "completed",
    ]),
  );
  const { document } = (await server.daemon.runs.get(run.run_id)) ?? {};
  const shown = runSummarySchema.parse(document);
  expect(live.events.at(-1)).toEqual({
    event: "run",
    // The mail that follows changes the time of the last update.
    data: { ...shown, updated_at: expect.any(String) as string },
    at: expect.any(Number) as number,
  });
  expect(live.headers.get("content-type")).toContain("text/event-stream");
});

test("from any event on the rest of the stream arrives, no event twice and none left out", async () => {
  const ids = live.events.flatMap(({ id }) => id ?? []);
  for (const index of [0, 1, Math.floor(ids.length / 2), ids.length - 2]) {
    const again = await ada.events(run.run_id, ids[index] ?? "");
    await again.ended;
    expect(again.events.flatMap(({ id }) => id ?? [])).toEqual(ids.slice(index + 1));
  }
  expect((await ada.events(run.run_id, ids.at(-1) ?? "")).status).toBe(204);
  expect((await ada.events(run.run_id, "0; DROP")).status).toBe(400);
});

test("the result tells what was found, and its links give the stored files", async () => {
  const response = await ada.get(`/runs/${run.run_id}/result`);
  expect(response.status).toBe(200);
  const result = (await response.json()) as Result;
  const { document } = (await server.daemon.runs.get(run.run_id)) ?? {};
  const delivered = document?.iterations.find(
    ({ iteration }) => iteration === document.delivered_iteration,
  );
  const { files, ...found } = result;
  expect(found).toEqual({
    run_id: run.run_id,
    query: HOSTILE,
    structured_query: document?.structured_query,
    control_strategy_effective: "synthetic_control",
    termination_reason: document?.termination_reason,
    final_score: document?.final_score,
    expected_accuracy: document?.expected_accuracy,
    delivered_iteration: document?.delivered_iteration,
    usage: document?.usage,
    expected_accuracy_in_words: accuracyInWords(document!.expected_accuracy!),
    raw_score: delivered?.raw_score,
    scale: delivered?.scale,
    transfer: delivered?.transfer,
    component_scores: delivered?.component_scores,
    confidence: delivered?.confidence,
    verdict: delivered?.verdict,
    reading: delivered?.reading,
    feedback: delivered?.feedback,
    prompt_strategy: delivered?.prompt_strategy,
    prompt_rationale: delivered?.prompt_rationale,
    top_genes: delivered?.top_genes,
    enriched_pathways: delivered?.enriched_pathways,
    rests_on: restsOn(document!),
  });
  expect(files).toEqual(
    [
      ["anndata", "predictions.h5ad", "application/x-hdf5"],
      ["report", "report.html", "text/html; charset=utf-8"],
      ["findings", "report.json", "application/json; charset=utf-8"],
      ["log", "log.json", "application/json; charset=utf-8"],
    ].map(([kind, ending, content_type]) => ({
      name: `${run.run_id}_${ending}`,
      kind,
      content_type,
      bytes: expect.any(Number) as number,
      url: `/api/v1/runs/${run.run_id}/files/${run.run_id}_${ending}`,
      expires_at: null,
    })),
  );
  for (const { name, url, bytes, content_type } of files) {
    const file = await fetch(`${server.url}${url}`, {
      headers: { authorization: `Bearer ${ada.token}` },
    });
    const content = Buffer.from(await file.arrayBuffer());
    const stored = await readFile(
      await server.daemon.objects.fetch({ path: `results/${run.run_id}/${name}` }),
    );
    expect(createHash("sha256").update(content).digest("hex")).toBe(
      createHash("sha256").update(stored).digest("hex"),
    );
    expect(content.length).toBe(bytes);
    const {
      "content-type": type,
      "content-disposition": disposition,
      ...headers
    } = Object.fromEntries(file.headers);
    expect([type, disposition, headers["x-content-type-options"]]).toEqual([
      content_type,
      `attachment; filename="${name}"`,
      "nosniff",
    ]);
    expect(file.headers.get("content-security-policy")).toMatch(/^sandbox; default-src 'none'/);
  }
});

test("a download that broke off goes on where it was, unless the file is another one by now", async () => {
  const path = `/runs/${run.run_id}/files/${run.run_id}_predictions.h5ad`;
  const ask = async (headers: Record<string, string>) => {
    const response = await ada.get(path, headers);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      content: Buffer.from(await response.arrayBuffer()),
    };
  };
  const { content: whole, headers } = await ask({});
  const { etag = "" } = headers;
  const { length } = whole;
  expect(headers).toMatchObject({
    "accept-ranges": "bytes",
    "content-length": String(length),
    etag: expect.stringMatching(/"/) as string,
  });
  const rest = await ask({ range: "bytes=1000-", "if-range": etag });
  expect([rest.status, rest.headers["content-range"], rest.headers["content-type"]]).toEqual([
    206,
    `bytes 1000-${length - 1}/${length}`,
    headers["content-type"],
  ]);
  expect(rest.content.equals(whole.subarray(1_000))).toBe(true);
  for (const [range, part] of [
    ["bytes=0-99", whole.subarray(0, 100)],
    ["bytes=-1", whole.subarray(-1)],
    [`bytes=${length - 5}-${length + 5}`, whole.subarray(-5)],
  ] as const) {
    const { status, content } = await ask({ range });
    expect([range, status, content.equals(part)]).toEqual([range, 206, true]);
  }
  for (const others of [
    { range: "bytes=1000-", "if-range": 'W/"0-0"' },
    { range: "lines=1-2" },
    { range: "bytes=0-1,5-6" },
  ]) {
    const { status, content } = await ask(others);
    expect([others, status, content.equals(whole)]).toEqual([others, 200, true]);
  }
  const beyond = await ask({ range: `bytes=${length}-` });
  expect([
    beyond.status,
    beyond.headers["content-range"],
    JSON.parse(beyond.content.toString()),
  ]).toEqual([416, `bytes */${length}`, expect.objectContaining({ error: "RANGE_UNSATISFIABLE" })]);
  const other = await ask({ "if-match": '"0-0"' });
  expect([other.status, JSON.parse(other.content.toString())]).toEqual([
    412,
    expect.objectContaining({ error: "PRECONDITION_FAILED" }),
  ]);
  // By itself fetch adds no-cache, which asks for the whole file.
  const unchanged = await ask({ "if-none-match": etag, "cache-control": "max-age=0" });
  expect([unchanged.status, unchanged.content.length]).toEqual([304, 0]);
  const head = await fetch(`${server.url}/api/v1${path}`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${ada.token}` },
  });
  expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
    200,
    String(length),
    etag,
  ]);
  expect((await bo.get(path, { range: "bytes=0-9" })).status).toBe(404);
});

test("the delivered AnnData file can be read, and script in the question is text in the report", async () => {
  const file = await server.daemon.objects.fetch({
    path: `results/${run.run_id}/${run.run_id}_predictions.h5ad`,
  });
  expect(await openH5ad(file)).toBeDefined();
  const report = await (
    await ada.get(`/runs/${run.run_id}/files/${run.run_id}_report.html`)
  ).text();
  expect(report).toContain("&lt;script&gt;");
  expect(report).not.toMatch(/<img/i);
  expect(report.match(/<script/gi)).toHaveLength(1);
});

test("only the run's own file names are served", async () => {
  const { run_id } = run;
  const names = [
    "..%2f..%2fruns.sqlite",
    "..%2F..%2F..%2F..%2Fetc%2Fpasswd",
    "%2e%2e%2f%2e%2e%2fruns.sqlite",
    "..%5c..%5cruns.sqlite",
    `${run_id}_report.html%00.json`,
    `${run_id}_report.html%2f..`,
    "other_report.html",
    `${run_id.toUpperCase()}_REPORT.HTML`,
    "%252e%252e%252fruns.sqlite",
    "constructor",
    "__proto__",
    "a".repeat(290),
  ];
  for (const name of names) {
    const response = await ada.get(`/runs/${run_id}/files/${name}`);
    expect([name, response.status]).toEqual([name, 404]);
    expect(await response.text()).not.toContain("SQLite format");
  }
});

test("the numbers for Prometheus are those of the run", async () => {
  await expect
    .poll(async () => (await server.daemon.runs.get(run.run_id))?.outbox.map(({ state }) => state))
    .toEqual(["sent"]);
  const admin = await server.token("root@example.org", "admin");
  const text = await (
    await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${admin}` } })
  ).text();
  const valueOf = (series: string): number =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.split(" ")
        .at(-1),
    );
  const { document } = (await server.daemon.runs.get(run.run_id)) ?? {};
  const iterations = document?.iterations.length ?? 0;
  const values = {
    'haystack_runs{status="completed"}': 1,
    'haystack_runs_ended_total{status="completed"}': 1,
    'haystack_job_attempts_total{outcome="succeeded",provisioning="none"}': iterations,
    'haystack_step_seconds_count{step="analyze",outcome="ok"}': 1,
    'haystack_step_seconds_count{step="prompt",outcome="ok"}': iterations,
    'haystack_step_seconds_count{step="evaluate",outcome="ok"}': iterations,
    'haystack_step_seconds_count{step="output",outcome="ok"}': 1,
    haystack_gpu_cost_usd_total: document?.usage.gpu_cost_usd,
    haystack_model_cost_usd_total: document?.usage.llm_cost_usd,
    'haystack_mails_total{outcome="sent"}': 1,
  };
  expect(iterations).toBeGreaterThan(0);
  expect(
    Object.fromEntries(Object.keys(values).map((series) => [series, valueOf(series)])),
  ).toEqual(values);
});

test("to everybody else the run does not exist", async () => {
  const paths = ["", "/events", "/result", `/files/${run.run_id}_report.html`];
  for (const path of paths) {
    const [foreign, unknown] = await Promise.all(
      [run.run_id, "run-00000000"].map(async (id) => {
        const response = await bo.get(`/runs/${id}${path}`);
        const text = (await response.text()).replaceAll(id, "ID");
        return { status: response.status, body: JSON.parse(text) as unknown };
      }),
    );
    expect(foreign).toEqual(refusal(404, "RUN_NOT_FOUND", { run_id: "ID" }));
    expect(unknown).toEqual(foreign);
  }
  for (const wish of ["cancel", "retry"])
    expect((await bo.post(`/runs/${run.run_id}/${wish}`)).status).toBe(404);
  expect(await (await bo.get("/runs")).json()).toEqual({ runs: [], next_cursor: null });
  const admin = await server.caller("root@example.org", "admin");
  expect((await admin.get(`/runs/${run.run_id}`)).status).toBe(200);
  expect((await admin.get("/runs?all=true")).status).toBe(200);
  expect((await bo.get("/runs?all=true")).status).toBe(403);
});

test("a completed run is neither cancelled nor retried", async () => {
  for (const wish of ["cancel", "retry"]) {
    const response = await ada.post(`/runs/${run.run_id}/${wish}`);
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      409,
      "RUN_STATE_FORBIDS",
    ]);
  }
});

test("a question is checked without a run: what is understood, and what would be shown to the model", async () => {
  const before = (await server.daemon.runs.list({})).length;
  const check = async (query: string) => {
    const response = await ada.post("/questions/check", { query });
    return [response.status, await response.json()] as const;
  };
  const { document } = (await server.daemon.runs.get(run.run_id))!;
  const positive = expect.toSatisfy((value: number) => value > 0) as number;
  expect(await check(QUESTION)).toStrictEqual([
    200,
    {
      answerable: true,
      did_you_mean: [],
      read_by: "rules",
      read_in_run_by: "rules",
      structured_query: document.structured_query,
      control_strategy_effective: "synthetic_control",
      control_cells_available: true,
      prompt: {
        strategy: "direct",
        rationale: document.iterations[0]?.prompt_rationale,
        prompt_cells: 14,
        query_cells: 14,
      },
      estimate: {
        minutes: { low: positive, likely: positive, high: positive },
        usd: { low: 0, likely: 0, high: 0 },
        language_model: "none",
        rests_on: "measured_runs",
        runs: 1,
        in_words: expect.stringMatching(
          /^It is likely to take .* by the one completed run of its kind\. It costs nothing\.$/,
        ) as string,
      },
      problem: null,
    },
  ]);
  const unknown = "How would xyzzy cells respond to plugh?";
  expect(await check(unknown)).toEqual([
    200,
    {
      answerable: false,
      did_you_mean: [],
      read_by: "rules",
      read_in_run_by: "rules",
      structured_query: null,
      control_strategy_effective: null,
      control_cells_available: null,
      prompt: null,
      estimate: null,
      problem: {
        error: expect.stringMatching(/UNKNOWN|NOT_UNDERSTOOD/) as string,
        message: expect.any(String) as string,
        details: { question: unknown },
      },
    },
  ]);
  const misspelt = QUESTION.replace(/IFN-beta|interferon beta/i, "interferron beta");
  expect(misspelt).not.toBe(QUESTION);
  expect(await check(misspelt)).toMatchObject([
    200,
    {
      answerable: false,
      did_you_mean: [
        { field: "perturbation", text: "interferron beta", names: ["Interferon beta"] },
      ],
      structured_query: { perturbation: { id: "ifn-beta", match: "spelling" } },
      problem: { message: expect.stringContaining('Did you mean Interferon beta by "interferron') },
    },
  ]);
  expect(await check("How would monocytes respond to hyerxia?")).toMatchObject([
    200,
    {
      answerable: false,
      did_you_mean: [{ field: "perturbation", text: "hyerxia", names: ["Hyperoxia", "Hypoxia"] }],
      structured_query: null,
    },
  ]);
  expect(await check("  ")).toEqual([400, refusalBody("QUESTION_EMPTY", "client")]);
  expect(await check("x".repeat(4_001))).toEqual([413, refusalBody("QUESTION_TOO_LONG", "client")]);
  expect((await server.daemon.runs.list({})).length).toBe(before);
});

test("a check tells that a language model reads the question in a run, where one is configured", async () => {
  const withModel = await startApi({
    OPENAI_API_KEY: "none",
    OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
  });
  onTestFinished(() => withModel.close());
  const response = await (
    await withModel.caller(ADA)
  ).post("/questions/check", { query: QUESTION });
  expect(await response.json()).toEqual({
    answerable: false,
    did_you_mean: [],
    read_by: "rules",
    read_in_run_by: "language_model",
    structured_query: null,
    control_strategy_effective: null,
    control_cells_available: null,
    prompt: null,
    estimate: null,
    problem: { error: "ATLAS_NOT_FOUND", message: expect.any(String) as string },
  });
});

test("the atlases can be searched", async () => {
  const ask = async (path: string) =>
    (await (await bo.get(`/atlas/${path}`)).json()) as Record<string, { name: string }[]>;
  expect(await ask("datasets")).toEqual({
    total: 1,
    datasets: [
      {
        dataset: "simulated",
        simulated: true,
        source_file: "simulated.h5ad",
        n_cells: expect.any(Number) as number,
        n_genes: 500,
        cell_types: 10,
        perturbations: 12,
        donors: 2,
        warnings: [],
      },
    ],
  });
  const { cell_types: all = [] } = await ask("cell-types");
  expect(all.length).toBeGreaterThan(1);
  const wanted = all[0]?.name ?? "";
  expect(
    (await ask(`cell-types?search=${encodeURIComponent(wanted.toUpperCase())}`))["cell_types"]?.map(
      ({ name }) => name,
    ),
  ).toContain(wanted);
  expect(await ask("perturbations?search=IFN-beta")).toEqual({
    total: 1,
    perturbations: [
      {
        name: "Interferon beta",
        perturbation_id: "ifn-beta",
        datasets: ["simulated"],
        cell_types: expect.arrayContaining(["CD14-positive monocyte"]) as string[],
        n_cells: expect.any(Number) as number,
        measured: expect.any(Array) as object[],
      },
    ],
  });
  const found = async (kind: string, search: string) =>
    (await ask(`${kind}?search=${encodeURIComponent(search)}`))[kind.replace("-", "_")]?.map(
      ({ name }) => name,
    );
  for (const search of ["IFNb", "IFN-β", "interferon beta", "ifnbta"])
    expect([search, await found("perturbations", search)]).toEqual([search, ["Interferon beta"]]);
  for (const search of ["CD14 mono", "CD14+ Monocytes", "cl:0001054"])
    expect([search, await found("cell-types", search)]).toEqual([
      search,
      ["CD14-positive monocyte"],
    ]);
  expect(await found("cell-types", "dermal fib")).toEqual(["skin fibroblast"]);
  expect(await found("cell-types", "monocyte")).toEqual(
    all.map(({ name }) => name).filter((name) => /monocyte/i.test(name)),
  );
  expect(await ask("cell-types?search=nowhere")).toEqual({ cell_types: [], total: 0 });
  expect(await ask("cell-types?dataset=other")).toEqual({ cell_types: [], total: 0 });
});
