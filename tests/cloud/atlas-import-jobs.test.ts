import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openObjects } from "../../adapters/objects.ts";
import { loadConfig } from "../../config.ts";
import { openWorkbench, type Workbench } from "../../workbench.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { readGroup } from "../../science/atlas/read-group.ts";
import { type BatchServer, batchServer } from "../support/batch-server.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { describeWithGcs, type GcsServer, startGcs } from "../support/gcs-server.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const IMAGE = "europe-docker.pkg.dev/p/haystack/orchestrator:1";
const TASKS = 3;
/** Several processes start, each of which imports. */
const SLOW_MS = 180_000;
const SOURCE = "gs://others/folder/small.h5ad";

interface Place {
  readonly gcs: GcsServer;
  readonly batch: BatchServer;
  readonly folder: string;
  readonly environment: Record<string, string>;
  /** Opened on another machine. */
  workbench(): Promise<Workbench>;
  put(name: string, content: Buffer): Promise<void>;
  imported(...args: string[]): Promise<Outcome>;
}

async function place(): Promise<Place> {
  const gcs = await startGcs();
  onTestFinished(() => gcs.stop());
  await gcs.makeBucket("haystack-test");
  await gcs.makeBucket("others");
  const [folder, jobFolder] = [await temporaryFolder(), await temporaryFolder()];
  const batch = await batchServer({
    // Every task has a machine, so a data folder, of its own.
    images: {
      [IMAGE]: [
        "sh",
        "-c",
        `HAYSTACK_DATA_DIR="$0/$BATCH_TASK_INDEX-$BATCH_TASK_RETRY_ATTEMPT" exec "$@"`,
        jobFolder,
        process.execPath,
        resolve("bin/haystack.mjs"),
      ],
    },
    volumes: {},
  });
  onTestFinished(() => batch.close());
  const bucket = {
    GCS_BUCKET: "haystack-test",
    GCS_ENDPOINT: gcs.url,
    BATCH_PROJECT: "p",
    BATCH_IMAGE: "worker",
    PUBSUB_TOPIC: "t",
    PUBSUB_SUBSCRIPTION: "s",
  };
  const environment = {
    ...bucket,
    BATCH_ENDPOINT: batch.endpoint,
    MONGODB_URI: "mongodb://127.0.0.1:1",
    DISPATCH: "batch",
    DISPATCH_IMAGE: IMAGE,
    DISPATCH_IMPORT_TASKS: String(TASKS),
    DISPATCH_WATCH_SECONDS: "1",
    SENDGRID_API_KEY: "SG.x",
    MAIL_FROM: "haystack@example.org",
    DISPATCH_SECRETS: "SENDGRID_API_KEY=projects/p/secrets/sendgrid/versions/1",
  };
  return {
    gcs,
    batch,
    folder,
    environment,
    async workbench() {
      const opened = await openWorkbench(loadConfig(bucket, await temporaryFolder()));
      onTestFinished(() => opened.close());
      return opened;
    },
    async put(name, content) {
      const taken = await fetch(
        `${gcs.url}/upload/storage/v1/b/others/o?uploadType=media&name=${encodeURIComponent(name)}`,
        { method: "POST", body: new Uint8Array(content) },
      );
      expect([taken.status, await taken.text()]).toEqual([200, expect.any(String)]);
    },
    imported: (...args) =>
      haystack(["atlas", "import", ...args, "--data-dir", folder, "--json"], { env: environment }),
  };
}

/** A small atlas in the bucket, and what one process makes of it. */
async function withSource(own: Place): Promise<{ dir: string; index: AtlasIndex; bytes: Buffer }> {
  const alone = await openWorkbench(loadConfig({}, await temporaryFolder()));
  onTestFinished(() => alone.close());
  const file = join(own.folder, "small.h5ad");
  await alone.compute.run("simulate", {
    file,
    options: { seed: 1, nGenes: 100, nCellTypes: 2, nPerturbations: 2, cellsPerGroup: 4 },
  });
  await alone.atlases.import({ source: file });
  const bytes = await readFile(file);
  await own.put("folder/small.h5ad", bytes);
  const [opened] = await alone.atlases.open(["small"]);
  return { dir: opened!.dir, index: opened!.index, bytes };
}

/** Every cell and every profile is as one process alone makes it. */
async function expectSame(own: Place, alone: { dir: string; index: AtlasIndex }): Promise<void> {
  const { atlases } = await own.workbench();
  const [opened] = await atlases.open(["small"]);
  const { dir, index } = opened!;
  await atlases.fetchGroups(
    index.groups.map(({ group_id: id }) => id),
    [opened!],
  );
  const [here, there] = [await openAtlas(alone.dir), await openAtlas(dir)];
  expect(index.groups.length).toBe(alone.index.groups.length);
  for (const [at, group] of index.groups.entries()) {
    const original = alone.index.groups[at]!;
    expect({ ...group, shard: "", first_row: 0 }).toEqual({
      ...original,
      shard: "",
      first_row: 0,
    });
    expect(await readGroup(dir, group)).toEqual(await readGroup(alone.dir, original));
    expect(there.profile(group.group_id)).toEqual(here.profile(group.group_id));
  }
  expect({ ...index, groups: [], profiles: "", import_id: "" }).toEqual({
    ...alone.index,
    groups: [],
    profiles: "",
    import_id: "",
  });
}

const creates = ({ batch }: Place): string[] => [
  ...new Set(
    batch.calls
      .filter(({ method }) => method === "createJob")
      .map(({ request }) => (request as { jobId: string }).jobId),
  ),
];
/** Stored for the atlas or the import, as often as it was. */
const stored = ({ gcs }: Place, name: RegExp): string[] =>
  gcs.requests
    .filter((request) => request.startsWith("POST /upload/storage/v1/b/haystack-test/"))
    .map((request) => /name=([^&]+)/.exec(request)?.[1] ?? "")
    .filter((object) => name.test(object));

/** How often a task has begun to do its share. */
const fetched = ({ gcs }: Place): number =>
  gcs.requests.filter((request) => /\/others\/.*small\.h5ad.*alt=media/.test(request)).length;

describeWithGcs("DISPATCH=batch imports a file of a bucket by a job", () => {
  test(
    "its tasks share the groups, the atlas is the one that one process makes, and the same command again finds it",
    async () => {
      const own = await place();
      const alone = await withSource(own);
      const outcome = await own.imported(SOURCE);
      expect([outcome.code, JSON.parse(outcome.stdout)]).toEqual([
        0,
        expect.objectContaining({ dataset: "small", n_groups: alone.index.groups.length }),
      ]);
      const [jobId = ""] = creates(own);
      expect(outcome.stderr).toMatch(new RegExp(`^The job ${jobId} on Google Batch imports it`));
      await expectSame(own, alone);

      const job = own.batch.job(jobId);
      expect(job?.taskGroups?.[0]).toMatchObject({ taskCount: String(TASKS) });
      expect(job?.notifications ?? []).toEqual([]);
      const shards = stored(own, /\/shards\//);
      expect(new Set(shards.map((shard) => /-(\d)-\d{5}\.h5ad$/.exec(shard)?.[1])).size).toBe(
        TASKS,
      );
      expect(stored(own, /index\.json/)).toHaveLength(1);
      expect(own.gcs.requests.findLast((request) => request.startsWith("POST /upload"))).toMatch(
        /atlases\/small\/index\.json/,
      );

      const again = await own.imported(SOURCE);
      expect([again.code, again.stderr, JSON.parse(again.stdout)]).toEqual([
        0,
        "",
        JSON.parse(outcome.stdout),
      ]);
      expect(creates(own)).toEqual([jobId]);

      // Another way to read it is another atlas, and a job says so before it counts anything.
      const before = own.gcs.requests.length;
      const other = await own.imported(SOURCE, "--cell-type-of-all", "K562");
      expect([other.code, JSON.parse(other.stdout)]).toEqual([
        2,
        expect.objectContaining({ error: "ATLAS_EXISTS" }),
      ]);
      expect(
        own.gcs.requests.slice(before).filter((request) => /name=atlases/.test(request)),
      ).toEqual([]);
      await expectSame(own, alone);
    },
    SLOW_MS,
  );

  test(
    "a task that lost its machine before its part was stored is repeated, and no other is",
    async () => {
      const own = await place();
      const alone = await withSource(own);
      const reached = Promise.withResolvers<void>();
      own.batch.scriptJobs({ exitCode: 50001, killWhen: reached.promise, task: 1 });
      own.gcs.inject({
        method: "POST",
        url: /name=imports\/[0-9a-f]+\/part-1\.json/,
        kind: "drop",
        before: () => Promise.resolve(reached.resolve()),
      });
      const outcome = await own.imported(SOURCE);
      expect([outcome.code, outcome.stderr]).toEqual([0, expect.stringContaining("imports it")]);
      await expectSame(own, alone);
      expect(own.gcs.pending()).toBe(0);
      expect(fetched(own)).toBe(TASKS + 1);
      const [jobId = "", ...others] = creates(own);
      expect(others).toEqual([]);
      expect(
        (own.batch.job(jobId)?.status?.statusEvents ?? []).filter(({ description }) =>
          /task with index 1 .*Spot Preemption/.test(description ?? ""),
        ),
      ).toHaveLength(1);
    },
    SLOW_MS,
  );

  test(
    "what is wrong with the file is told as by an import here, once; after it was put right the same command imports it",
    async () => {
      const own = await place();
      const alone = await withSource(own);
      const { bytes } = alone;
      await own.put("folder/small.h5ad", bytes.subarray(0, bytes.length >> 1));
      const refused = await own.imported(SOURCE);
      expect([refused.code, JSON.parse(refused.stdout)]).toEqual([
        2,
        expect.objectContaining({
          error: "FILE_DAMAGED",
          message: expect.stringMatching(/small\.h5ad/),
        }),
      ]);
      const again = await own.imported(SOURCE);
      expect([again.code, JSON.parse(again.stdout)]).toMatchObject([2, { error: "FILE_DAMAGED" }]);
      expect(creates(own).map((jobId) => jobId.slice(-1))).toEqual(["1", "2"]);
      // Not repeated by Batch: it would fail again.
      expect(stored(own, /attempt-1\/failed-/)).toHaveLength(TASKS);
      expect(stored(own, /name=atlases|part-/)).toEqual([]);

      await own.put("folder/small.h5ad", bytes);
      expect((await own.imported(SOURCE)).code).toBe(0);
      await expectSame(own, alone);

      const missing = await own.imported("gs://others/folder/missing.h5ad");
      expect([missing.code, JSON.parse(missing.stdout)]).toEqual([
        1,
        expect.objectContaining({ error: "OBJECT_NOT_FOUND" }),
      ]);
      expect(creates(own)).toHaveLength(3);
    },
    SLOW_MS,
  );

  test(
    "a second attempt does only what the first has left, and again what was removed since",
    async () => {
      const own = await place();
      const alone = await withSource(own);
      // The machine of task 2 is lost as often as Batch repeats it: the job fails.
      for (let attempt = 0; attempt < 4; attempt += 1)
        own.gcs.inject({
          method: "POST",
          url: /name=imports\/[0-9a-f]+\/part-2\.json/,
          kind: "status",
          status: 403,
        });
      const failed = await own.imported(SOURCE);
      expect([failed.code, JSON.parse(failed.stdout)]).toEqual([
        1,
        expect.objectContaining({ error: "OBJECTS_UNAVAILABLE" }),
      ]);
      expect(own.gcs.pending()).toBe(0);
      const objects = await openObjects(loadConfig(own.environment, await temporaryFolder()));
      onTestFinished(() => objects.close());
      const shards: string[] = [];
      for await (const name of objects.list("atlases/small/shards/"))
        if (/-0-\d{5}\.h5ad$/.test(name)) shards.push(name);
      expect(shards).toHaveLength(1);
      const removed = await fetch(
        `${own.gcs.url}/storage/v1/b/haystack-test/o/${encodeURIComponent(shards[0]!)}`,
        { method: "DELETE" },
      );
      expect(removed.ok).toBe(true);
      const before = fetched(own);
      expect((await own.imported(SOURCE)).code).toBe(0);
      await expectSame(own, alone);
      expect(fetched(own) - before).toBe(2);
    },
    SLOW_MS,
  );
});
