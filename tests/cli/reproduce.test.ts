import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { openObjects } from "../../adapters/objects.ts";
import { openRuns } from "../../adapters/runs.ts";
import { loadConfig } from "../../config.ts";
import { digestOf, type Manifest } from "../../services/archives/document.ts";
import type { RunConfig, RunDocument } from "../../services/runs/document.ts";
import type { JournalEntry } from "../../services/runs/index.ts";
import { leased, sampleRun } from "../services/runs-fixtures.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { EMBEDDING, says, startModelServer, type RequestBody } from "../support/model-server.ts";
import { useOwnTmpdir } from "../support/own-tmpdir.ts";
import { startPubmed } from "../support/pubmed-server.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";
const ADDRESS = "somebody@example.org";
const ENV = { COMPUTE_PROCESSES: "1", POLL_MILLISECONDS: "50", RECONCILE_SECONDS: "1" };

let place = "";
let dataDir = "";
let exported = "";
let runId = "";

useOwnTmpdir();

const ran = async (folder: string, env: Record<string, string>): Promise<RunDocument> => {
  const { code, stdout, stderr } = await haystack(
    ["run", QUESTION, "--max-iterations", "2", "--seed", "7", "--email", ADDRESS, "--json"].concat(
      "--data-dir",
      folder,
    ),
    { env: { ...ENV, ...env } },
  );
  expect([code, stderr]).toEqual([0, expect.not.stringContaining("haystack: ")]);
  return JSON.parse(stdout) as RunDocument;
};

const exportTo = async (from: string, id: string, folder: string): Promise<void> => {
  const { code, stderr } = await haystack(["export", id, folder, "--data-dir", from]);
  expect([code, stderr]).toEqual([0, ""]);
};

/** On a machine that has nothing of the run. */
const reproduced = async (folder: string, env: Record<string, string> = {}): Promise<Outcome> => {
  const elsewhere = await temporaryFolder();
  const outcome = await haystack(
    ["reproduce", folder, "--json", "--data-dir", join(elsewhere, "data")],
    { env: { ...ENV, ...env } },
  );
  expect(readdirSync(elsewhere)).toEqual([]);
  return outcome;
};

interface Found {
  readonly same: boolean;
  readonly differences: readonly { readonly where: string; before: string; now: string }[];
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "haystack-exported-"));
  dataDir = join(place, "data");
  await simulatedAtlas(dataDir);
  runId = (await ran(dataDir, {})).run_id;
  exported = join(place, "export");
  await exportTo(dataDir, runId.slice(0, 8), exported);
});
afterAll(() => rm(place, { recursive: true, force: true }));

/** A copy of an export in which a file says something else, and the manifest the same of it. */
async function changed(
  path: string,
  change: (text: string) => string,
  folder = exported,
): Promise<string> {
  const copy = join(await temporaryFolder(), "changed");
  await cp(folder, copy, { recursive: true });
  const file = join(copy, path);
  const text = change(await readFile(file, "utf8"));
  await chmod(file, 0o600);
  await writeFile(file, text);
  const manifestFile = join(copy, "manifest.json");
  const manifest = JSON.parse(await readFile(manifestFile, "utf8")) as Manifest;
  const files = manifest.files.map((each) =>
    each.path === path
      ? {
          path,
          bytes: Buffer.byteLength(text),
          sha256: createHash("sha256").update(text).digest("hex"),
        }
      : each,
  );
  await writeFile(
    manifestFile,
    JSON.stringify({ ...manifest, files, sha256: digestOf({ ...manifest, files }) }),
  );
  return copy;
}

const document = (change: (run: RunDocument) => object): Promise<string> =>
  changed("document.json", (text) =>
    JSON.stringify({
      ...(JSON.parse(text) as RunDocument),
      ...change(JSON.parse(text) as RunDocument),
    }),
  );

test("an exported run gives the same elsewhere, to the last value, and leaves nothing behind", async () => {
  const { code, stdout } = await reproduced(exported);
  expect([code, JSON.parse(stdout)]).toEqual([0, { run_id: runId, same: true, differences: [] }]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("haystack-reproduce-"))).toEqual(
    [],
  );
});

test("an export holds no address of its user, no secrets, and only its own run", async () => {
  const { files } = JSON.parse(await readFile(join(exported, "manifest.json"), "utf8")) as Manifest;
  const texts = await Promise.all(
    files
      .filter(({ path }) => /\.(json|html)$/.test(path))
      .map(({ path }) => readFile(join(exported, path), "utf8")),
  );
  expect(texts.join("\n")).not.toContain(ADDRESS);
  expect(files.map(({ path }) => path).filter((path) => /halves|plausibility/.test(path))).toEqual(
    [],
  );
  expect(files.filter(({ path }) => path.startsWith("objects/atlases/")).length).toBeGreaterThan(2);
});

const withConfig = (config: Partial<RunConfig>) => (run: RunDocument) => ({
  config: { ...run.config, ...config },
});

test.each([
  ["seed", () => ({ random_seed: 8 }), "log.random_seed"],
  ["number of query cells", withConfig({ query_cells: 10 }), "run.iterations[1].query_cells"],
  [
    "control strategy",
    withConfig({ control_strategy: "query_as_control" }),
    "log.control_strategy",
  ],
  ["threshold", withConfig({ score_threshold: 2 }), "log.config.score_threshold"],
] as const)("with another %s it says what differs", async (_, change, where) => {
  const { code, stdout } = await reproduced(await document(change));
  const { same, differences } = JSON.parse(stdout) as Found;
  expect([code, same]).toEqual([1, false]);
  expect(differences.map((each) => each.where)).toContain(where);
});

test("a number in the delivered files that is another is found", async () => {
  const log = `objects/results/${runId}/${runId}_log.json`;
  const folder = await changed(log, (text) =>
    text.replace(/"log2_fold_change": (-?[\d.]+)/, '"log2_fold_change": 99.5'),
  );
  const { code, stdout } = await reproduced(folder);
  expect([code, (JSON.parse(stdout) as Found).differences]).toEqual([
    1,
    [
      {
        where: expect.stringMatching(/^log\.iterations\[1\]\..*log2_fold_change$/) as string,
        before: "99.5",
        now: expect.stringMatching(/^-?[\d.]+$/) as string,
        values: 1,
      },
    ],
  ]);
});

test.each([
  [
    "the release that answered",
    () =>
      changed(`objects/results/${runId}/${runId}_log.json`, (text) =>
        text.replace(/("software": \{[^}]*"version": )"[^"]+"/, '$1"0.0.9"'),
      ),
    {},
    /answered by haystack 0\.0\.9/,
  ],
  [
    "the model that predicted",
    () => Promise.resolve(exported),
    { INFERENCE_COMMAND: "predict {prompt} {query} {output}", INFERENCE_MODEL: "stack-large" },
    /predicted by delta-transfer, and here stack-large predicts/,
  ],
  [
    "what the journal does not have",
    () =>
      changed("journal.json", () =>
        JSON.stringify([{ key: "literature/analyze/0/00000000", value: {} }]),
      ),
    {},
    /the literature is asked something whose answer is not on record/,
  ],
  ["a run that delivered nothing", () => document(() => ({ status: "failed" })), {}, /is failed/],
])("%s is not made up for: it is refused", async (_, archive, env, reason) => {
  const { code, stdout } = await reproduced(await archive(), env);
  expect([code, (JSON.parse(stdout) as { message: string }).message]).toEqual([
    2,
    expect.stringMatching(reason),
  ]);
});

test("a damaged export is refused before anything is computed", async () => {
  const copy = join(await temporaryFolder(), "damaged");
  await cp(exported, copy, { recursive: true });
  const shard = join(copy, "objects/atlases/simulated/shards/00000.h5ad");
  const bytes = await readFile(shard);
  bytes[1_000] = (bytes[1_000] ?? 0) ^ 1;
  await chmod(shard, 0o600);
  await writeFile(shard, bytes);
  const { code, stdout, stderr } = await reproduced(copy);
  expect([code, JSON.parse(stdout)]).toEqual([
    2,
    expect.objectContaining({ error: "ARCHIVE_INVALID" }),
  ]);
  expect(stderr).not.toContain("understanding");
});

test("what has not ended, is not there, or has lost what it needs is not exported", async () => {
  const folder = await temporaryFolder();
  const runs = await openRuns(loadConfig({}, folder));
  await runs.insert(sampleRun("run-going", { status: "running" }), leased);
  const gone = { atlases: [{ dataset: "gone", simulated: false }] };
  await runs.insert(sampleRun("run-bare", { status: "failed", current_phase: null, ...gone }));
  await runs.insert(sampleRun("run-lost", { status: "completed", current_phase: null }));
  await runs.close();
  for (const [id, error] of [
    ["run-going", "RUN_STATE_FORBIDS"],
    ["run-none", "RUN_NOT_FOUND"],
    ["run-bare", "OBJECT_NOT_FOUND"],
    ["run-lost", "OBJECT_NOT_FOUND"],
  ] as const) {
    const target = join(folder, `of-${id}`);
    const { stdout } = await haystack(["export", id, target, "--json", "--data-dir", folder]);
    expect([id, JSON.parse(stdout)]).toEqual([id, expect.objectContaining({ error })]);
    expect(existsSync(join(target, "manifest.json"))).toBe(false);
  }
  const occupied = await haystack(["export", runId, dirname(dataDir), "--data-dir", dataDir]);
  expect(occupied.code).toBe(2);
});

test("a run that an earlier release completed, without findings, is exported with what it has", async () => {
  const folder = await temporaryFolder();
  const config = loadConfig({}, folder);
  const runs = await openRuns(config);
  await runs.insert(sampleRun("run-old", { status: "completed", current_phase: null }));
  await runs.close();
  const { findings: _, ...delivered } = resultObjects("run-old");
  const objects = await openObjects(config);
  for (const path of Object.values(delivered)) await objects.putText(path, "x");
  await objects.close();
  const target = join(folder, "exported");
  await exportTo(folder, "run-old", target);
  for (const path of Object.values(delivered))
    expect(await readFile(join(target, "objects", path), "utf8")).toBe("x");
});

/** Reads the draft, chooses the last candidate, and scores every component by its first row. */
const answers = ({ input, text }: RequestBody) => {
  const asked = input.map(({ content }) => content ?? "").find((part) => part.includes("<data>"));
  const data = JSON.parse(/<data>\n([^]*)\n<\/data>/.exec(asked ?? "")?.[1] ?? "{}") as {
    draft: { cell_type: Record<string, unknown>; perturbation: Record<string, unknown> };
    candidates: { candidate_id: string }[];
    components: string[];
    evidence: { id: string; component: string }[];
  };
  if (text.format.name === "understood_question")
    return says({
      understood: {
        cell_type: {
          cell_ontology_id: data.draft.cell_type["cell_ontology_id"],
          atlas_label: null,
          matched_text: "CD14+ monocytes",
        },
        perturbation: {
          id: data.draft.perturbation["id"],
          atlas_label: null,
          gene: null,
          matched_text: "IFN-beta",
        },
        expected_targets: [],
        expected_pathways: [],
        dose: null,
        time: null,
        tissue: null,
        donor: null,
        other_cell_types: [],
        other_perturbations: [],
      },
      not_understood_because: null,
    });
  if (text.format.name === "chosen_prompt")
    return says({
      candidate_id: data.candidates.at(-1)?.candidate_id,
      reason: "It was asked for.",
    });
  return says({
    components: data.components.map((name) => ({
      name,
      score: 4,
      cited: data.evidence
        .filter(({ component }) => component === name)
        .map(({ id }) => id)
        .slice(0, 1),
      reason: "The rows say so.",
    })),
  });
};

test("the answers of a language model and of the literature are those of then, and nobody is asked", async () => {
  const folder = await temporaryFolder();
  await simulatedAtlas(folder);
  const gmt = join(folder, "ours.gmt");
  await writeFile(
    gmt,
    `OURS\thttps://example.org\t${["ISG15", "IFIT1", "MX1", "IFIT3", "OAS1", "IFI6", "LY6E"].join("\t")}\n`,
  );
  const imported = await haystack(["knowledge", "import", gmt, "--data-dir", folder]);
  expect([imported.code, imported.stderr]).toEqual([0, ""]);
  const server = await startModelServer();
  server.script(...Array.from({ length: 20 }, () => answers));
  server.embed((text) => [text.length, text.charCodeAt(0), 1]);
  const pubmed = await startPubmed([
    { id: "424242", title: "Interferon-beta induces ISG15", about: ["IFN-beta", "ISG15"] },
  ]);
  const run = await ran(folder, {
    OPENAI_API_KEY: "a-secret-that-nobody-else-has",
    OPENAI_BASE_URL: server.baseURL,
    OPENAI_MODEL: "scripted",
    OPENAI_EFFORT: "off",
    OPENAI_EMBEDDING_MODEL: EMBEDDING.model,
    LITERATURE: "pubmed",
    NCBI_BASE_URL: pubmed.baseUrl,
    NCBI_API_KEY: "another-secret",
    NCBI_EMAIL: ADDRESS,
  });
  expect(run.iterations.flatMap(({ model_problems = [] }) => model_problems)).toEqual([]);
  expect(server.embeddingCalls.length).toBeGreaterThan(0);
  await pubmed.close();
  const calls = server.calls.length;
  expect(calls).toBeGreaterThan(3);
  const target = join(folder, "export");
  const { code: made } = await haystack(["export", run.run_id, target, "--data-dir", folder], {
    env: {
      OPENAI_API_KEY: "a-secret-that-nobody-else-has",
      OPENAI_BASE_URL: server.baseURL,
      OPENAI_MODEL: "scripted",
      OPENAI_EMBEDDING_MODEL: EMBEDDING.model,
      NCBI_EMAIL: ADDRESS,
    },
  });
  expect(made).toBe(0);
  const configuration = await readFile(join(target, "configuration.json"), "utf8");
  expect(configuration).not.toMatch(/secret|somebody/);

  const { code, stdout } = await reproduced(target);
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    { run_id: run.run_id, same: true, differences: [] },
  ]);
  expect(server.calls.length).toBe(calls);

  const forgotten = await changed(
    "journal.json",
    (text) =>
      JSON.stringify(
        (JSON.parse(text) as JournalEntry[]).filter(({ key }) => !key.startsWith("model/prompt/")),
      ),
    target,
  );
  const refused = await reproduced(forgotten);
  expect([refused.code, JSON.parse(refused.stdout)]).toEqual([
    2,
    expect.objectContaining({ error: "ARCHIVE_UNSUPPORTED" }),
  ]);
});

test("a run whose rounds tried several prompts tells of each, and is done again where one is usual", async () => {
  const env = { PROMPTS_PER_ROUND: "3" };
  const run = await ran(dataDir, env);
  const [first] = run.iterations;
  const tried = first?.prompts ?? [];
  expect(tried).toHaveLength(3);
  expect(run.grounding_scores).toEqual(run.iterations.map(({ score }) => score));
  const counted = tried.filter(({ candidate_id }) => candidate_id === first?.candidate_id);
  expect(counted).toEqual([expect.objectContaining({ score: first?.score })]);

  const log = JSON.parse(await readFile(run.output_log_path ?? "", "utf8")) as {
    iterations: { prompts: object[]; jobs: object[]; plan: { chosen: { candidate_id: string } } }[];
  };
  expect(log.iterations[0]).toMatchObject({
    prompts: tried,
    jobs: [{ kind: "round", attempt: 1 }],
    plan: { chosen: { candidate_id: first?.candidate_id } },
  });
  const report = await readFile(run.output_report_path ?? "", "utf8");
  expect(report).toContain("3 prompts were tried side by side");
  expect(report).toContain(`The best of 3 that iteration ${run.delivered_iteration} tried`);

  const target = join(await temporaryFolder(), "export");
  const made = await haystack(["export", run.run_id, target, "--data-dir", dataDir], { env });
  expect([made.code, made.stderr]).toEqual([0, ""]);
  const { code, stdout } = await reproduced(target);
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    { run_id: run.run_id, same: true, differences: [] },
  ]);
});
