import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { openWorkbench, type Workbench } from "../../daemon.ts";
import { describeWithGcs, startGcs } from "../support/gcs-server.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const WANTED = 3;

describeWithGcs("an atlas in Cloud Storage", () => {
  test("another machine fetches index, profiles and the chosen groups, these at the same time, and nothing twice", async () => {
    const server = await startGcs();
    onTestFinished(() => server.stop());
    await server.makeBucket("haystack-test");
    const machine = async (): Promise<{ folder: string; workbench: Workbench }> => {
      const folder = await temporaryFolder();
      const workbench = await openWorkbench(loadConfig({ GCS_BUCKET: "haystack-test", GCS_ENDPOINT: server.url, BATCH_PROJECT: "p", BATCH_IMAGE: "worker" }, folder));
      onTestFinished(() => workbench.close());
      return { folder, workbench };
    };
    const importing = await machine();
    const file = join(importing.folder, "atlas.h5ad");
    await importing.workbench.compute.run("simulate", { file, options: { seed: 1, nGenes: 200, cellsPerGroup: 5 } });
    await importing.workbench.atlases.import({ source: file });

    const { workbench } = await machine();
    const before = server.requests.length;
    const downloads = (): string[] => server.requests.slice(before).filter((request) => request.includes("alt=media"));
    const opened = await workbench.atlases.open([]);
    expect(downloads()).toHaveLength(2);
    const groups = opened[0]!.index.groups.slice(0, WANTED);
    expect(opened[0]!.index.groups.length).toBeGreaterThan(10 * WANTED);

    // None of the groups is answered before all of them are asked for.
    const all = Promise.withResolvers<void>();
    let asked = 0;
    server.inject({
      method: "GET",
      url: /\/groups\/.*alt=media/,
      kind: "hold",
      times: WANTED,
      before() {
        asked++;
        if (asked === WANTED) all.resolve();
        return all.promise;
      },
    });
    const ids = groups.map(({ group_id }) => group_id);
    await workbench.atlases.fetchGroups(ids, opened);
    await workbench.atlases.fetchGroups(ids, opened);
    for (const { shard } of groups) expect(downloads().filter((request) => request.includes(shard))).toHaveLength(1);
    expect(downloads()).toHaveLength(2 + WANTED);
  });
});
