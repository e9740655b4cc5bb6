import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { type Cloud, describeInCloud, startCloud } from "../support/cloud.ts";
import { mailsIn } from "../support/mail-files.ts";
import { cloudDaemon, expectDoneOnce, jobIdsOf, LONG_MS, settledAs } from "./cloud-daemon.ts";

const PREDICTION = "hs-r1-i1-p-a1";
const CONTROL = "hs-r1-i1-c-a1";
const PATH = "batch-io/r1/iter_1/predictions.h5ad";
/** Requests for the prediction, by its metadata or its content. */
const LOOK = /batch-io\/r1\/iter_1\/predictions\.h5ad(?!\.)/;
const CONTENT = /batch-io\/r1\/iter_1\/predictions\.h5ad.*alt=media/;

type Damage = (file: string) => Promise<void>;

const changed =
  (change: (given: AnnData) => Partial<AnnData>): Damage =>
  async (file) => {
    const given = await readH5ad(file);
    await writeH5ad(file, { ...given, ...change(given) });
  };
const withGenes = (change: (genes: readonly string[]) => string[]): Damage =>
  changed((given) => ({ var: { ...given.var, index: change(given.var.index) } }));
const firstTwoSwapped = ([first = "", second = "", ...others]: readonly string[]): string[] => [
  second,
  first,
  ...others,
];

/**
 * Puts a damaged prediction into the bucket when the daemon first looks for the one that the job
 * has written.
 */
function damage(cloud: Cloud, folder: string, how: Damage): void {
  const [{ url }, file, name] = [cloud.gcs, join(folder, "damaged.h5ad"), encodeURIComponent(PATH)];
  const replace = async (): Promise<void> => {
    const written = await fetch(`${url}/storage/v1/b/haystack-test/o/${name}?alt=media`);
    await writeFile(file, Buffer.from(await written.arrayBuffer()));
    await how(file);
    const taken = await fetch(
      `${url}/upload/storage/v1/b/haystack-test/o?uploadType=media&name=${name}`,
      { method: "POST", body: await readFile(file) },
    );
    expect([written.status, taken.status, await taken.text()]).toEqual([
      200,
      200,
      expect.any(String),
    ]);
  };
  cloud.gcs.inject({ method: "GET", url: LOOK, kind: "hold", before: replace });
}

describeInCloud("a prediction in the bucket", () => {
  test.each<[string, RegExp, Damage]>([
    [
      "cut off",
      /predictions\.h5ad/,
      async (file) => truncate(file, (await readFile(file)).length >> 1),
    ],
    [
      "with NaN",
      /NaN, which is not a finite/,
      changed(({ X }) => ({ X: { ...X, data: X.data.with(0, NaN) } })),
    ],
    [
      "with wrong genes",
      /"NO-SUCH-GENE" where the query has/,
      withGenes(([, ...others]) => ["NO-SUCH-GENE", ...others]),
    ],
    [
      "with too few genes",
      /genes|matrix/,
      changed(({ X, var: { index } }) => ({
        var: { index: index.slice(0, -1), columns: {} },
        X: {
          ...X,
          nCols: X.nCols - 1,
          data: new Float32Array(),
          indices: new Int32Array(),
          indptr: X.indptr.map(() => 0),
        },
      })),
    ],
    ["with genes in another order", /among the genes \(position 0\)/, withGenes(firstTwoSwapped)],
    [
      "with cells in another order",
      /among the cells \(position 0\)/,
      changed(({ obs }) => ({ obs: { ...obs, index: firstTwoSwapped(obs.index) } })),
    ],
  ])(
    "that is %s is never accepted: the run fails with the reason",
    async (_, reason, how) => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2", COMPUTE_MINUTES: "1" });
      damage(cloud, own.folder, how);
      cloud.batch.scriptJobs(
        { hold: { RUNNING: cloud.batch.reached(CONTROL, "QUEUED") } },
        1,
        (job) => job.labels?.["haystack-kind"] === "prediction",
      );
      await own.ask("r1");
      const document = await settledAs(own, "r1", "failed");
      expect(document).toMatchObject({
        error: { code: "PREDICTION_INVALID", phase: "inference", retryable: false },
        error_message: expect.stringMatching(reason) as string,
        output_anndata_path: null,
        grounding_scores: [],
      });
      expect(cloud.gcs.pending()).toBe(0);
      expect(cloud.batch.job(PREDICTION)?.status?.state).toBe("SUCCEEDED");
      expect(jobIdsOf(cloud)).toEqual([CONTROL, PREDICTION]);
      expect(await mailsIn(own.folder)).toHaveLength(1);
    },
    LONG_MS,
  );

  test(
    "that comes with another checksum at every try is taken for damaged: the job is made again, and its prediction delivered",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2" });
      cloud.gcs.inject({ method: "GET", url: CONTENT, kind: "corrupt-reply", times: 2 });
      await own.ask("r1");
      expect(await settledAs(own, "r1", "completed")).toMatchObject({ error: null });
      expect(cloud.gcs.pending()).toBe(0);
      expect(jobIdsOf(cloud)).toEqual([CONTROL, PREDICTION, "hs-r1-i1-p-a2"]);
    },
    LONG_MS,
  );

  test(
    "and everything else of a run come whole through 503s, dropped connections, cut downloads, lost replies and a wrong checksum",
    async () => {
      const cloud = await startCloud();
      const own = await cloudDaemon(cloud, { RECONCILE_SECONDS: "2" });
      cloud.gcs.inject({
        method: "POST",
        url: /upload.*iter_1\/prompt\.h5ad/,
        kind: "status",
        status: 503,
      });
      cloud.gcs.inject({ method: "POST", url: /upload.*iter_1\/query\.h5ad/, kind: "drop" });
      cloud.gcs.inject({ method: "GET", url: LOOK, kind: "status", status: 503, times: 2 });
      cloud.gcs.inject({ method: "GET", url: CONTENT, kind: "cut", after: 1000 });
      cloud.gcs.inject({
        method: "GET",
        url: /control_predictions\.h5ad.*alt=media/,
        kind: "corrupt-reply",
      });
      cloud.gcs.inject({ method: "POST", url: /upload.*r1_predictions\.h5ad/, kind: "lose-reply" });
      await own.ask("r1");
      await settledAs(own, "r1", "completed");
      await expectDoneOnce(cloud, own, "r1");
      expect(cloud.gcs.pending()).toBe(0);
    },
    LONG_MS,
  );
});
