import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { openObjects } from "../../adapters/objects.ts";
import { openWorkbench } from "../../workbench.ts";
import { haystack, type Outcome } from "../support/command-line.ts";
import { describeWith } from "../support/describe-with.ts";
import { describeWithGcs, startGcs } from "../support/gcs-server.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { runPython } from "../support/python.ts";
import { GCS, PYTHON } from "../support/real-parts.ts";

const WANTED = 3;

describeWithGcs("an atlas in Cloud Storage", () => {
  test("another machine fetches index, profiles and the shards of the chosen groups, these at the same time, and nothing twice", async () => {
    const server = await startGcs();
    onTestFinished(() => server.stop());
    await server.makeBucket("haystack-test");
    const machine = async () => {
      const folder = await temporaryFolder();
      const config = loadConfig(
        {
          GCS_BUCKET: "haystack-test",
          GCS_ENDPOINT: server.url,
          BATCH_PROJECT: "p",
          BATCH_IMAGE: "worker",
          PUBSUB_TOPIC: "t",
          PUBSUB_SUBSCRIPTION: "s",
        },
        folder,
      );
      const workbench = await openWorkbench(config);
      onTestFinished(() => workbench.close());
      const objects = await openObjects(config);
      onTestFinished(() => objects.close());
      return { folder, workbench, objects };
    };
    const importing = await machine();
    const file = join(importing.folder, "atlas.h5ad");
    await importing.workbench.compute.run("simulate", {
      file,
      options: { seed: 1, nGenes: 200, cellsPerGroup: 5 },
    });
    await importing.workbench.atlases.import({ source: file });

    const { workbench } = await machine();
    const before = server.requests.length;
    const downloads = (): string[] =>
      server.requests.slice(before).filter((request) => request.includes("alt=media"));
    const opened = await workbench.atlases.open([]);
    expect(downloads()).toHaveLength(2);
    const { index } = opened[0]!;
    const ids = index.groups.slice(0, 2 * WANTED).map(({ group_id }) => group_id);
    expect(index.groups.length).toBeGreaterThan(10 * WANTED);

    // A large atlas: two groups to a shard.
    const groups = index.groups.map((group, at) => ({
      ...group,
      shard: `shards/large-${Math.floor(at / 2)}.h5ad`,
    }));
    const shards = [...new Set(groups.map(({ shard }) => shard))];
    for (const shard of shards)
      await importing.objects.putText(`atlases/${index.dataset}/${shard}`, shard);

    // None of the shards is answered before all of them are asked for.
    const all = Promise.withResolvers<void>();
    let asked = 0;
    server.inject({
      method: "GET",
      url: /large-.*alt=media/,
      kind: "hold",
      times: WANTED,
      before() {
        asked++;
        if (asked === WANTED) all.resolve();
        return all.promise;
      },
    });
    const large = [{ index: { ...index, groups } }];
    await workbench.atlases.fetchGroups(ids, large);
    await workbench.atlases.fetchGroups(ids, large);
    for (const shard of shards.slice(0, WANTED))
      expect(downloads().filter((request) => request.includes(shard))).toHaveLength(1);
    expect(downloads()).toHaveLength(2 + WANTED);
  });

  test("haystack atlas import takes a file of any bucket; what is not there or does not come whole is one sentence, and nothing is imported", async () => {
    const server = await startGcs();
    onTestFinished(() => server.stop());
    await server.makeBucket("haystack-test");
    await server.makeBucket("others");
    const folder = await temporaryFolder();
    const env = {
      GCS_BUCKET: "haystack-test",
      GCS_ENDPOINT: server.url,
      BATCH_PROJECT: "p",
      BATCH_IMAGE: "worker",
      PUBSUB_TOPIC: "t",
      PUBSUB_SUBSCRIPTION: "s",
    };
    const atlas = (...args: string[]): Promise<Outcome> =>
      haystack(["atlas", ...args, "--data-dir", folder, "--json"], { env });
    const file = join(folder, "kept.h5ad");
    expect(
      (
        await atlas(
          "simulate",
          "--output",
          file,
          "--no-import",
          "--genes",
          "200",
          "--cells-per-group",
          "5",
        )
      ).code,
    ).toBe(0);
    const put = async (name: string, content: Buffer): Promise<void> => {
      const taken = await fetch(
        `${server.url}/upload/storage/v1/b/others/o?uploadType=media&name=${encodeURIComponent(name)}`,
        { method: "POST", body: content },
      );
      expect([taken.status, await taken.text()]).toEqual([200, expect.any(String)]);
    };
    const content = await readFile(file);
    await put("folder/whole.h5ad", content);
    await put("folder/half.h5ad", content.subarray(0, content.length >> 1));

    const refused = async (
      source: string,
      code: number,
      error: string,
      sentence: RegExp,
    ): Promise<void> => {
      const outcome = await atlas("import", source);
      expect([outcome.code, outcome.stderr]).toEqual([
        code,
        expect.stringMatching(/^haystack: [^\n]+\.\n$/),
      ]);
      expect(outcome.stderr).toMatch(sentence);
      expect(JSON.parse(outcome.stdout)).toMatchObject({ error });
    };
    await refused("gs://others", 2, "USAGE", /write it like gs:\/\/bucket/);
    await refused(
      "gs://others/folder/missing.h5ad",
      1,
      "OBJECT_NOT_FOUND",
      /missing\.h5ad does not exist/,
    );
    await refused("gs://others/folder/half.h5ad", 2, "FILE_DAMAGED", /half\.h5ad/);
    server.inject({
      method: "GET",
      url: /whole\.h5ad.*alt=media/,
      kind: "corrupt-reply",
      times: 2,
    });
    await refused("gs://others/folder/whole.h5ad", 1, "OBJECT_DAMAGED", /whole\.h5ad/);
    expect(JSON.parse((await atlas("list")).stdout)).toEqual({ atlases: [] });
    expect(
      server.requests.filter((request) => /^(POST|PUT) .*\/b\/haystack-test\//.test(request)),
    ).toEqual([]);

    const seen = await atlas("inspect", "gs://others/folder/whole.h5ad");
    expect([seen.code, JSON.parse(seen.stdout)]).toEqual([
      0,
      expect.objectContaining({ n_vars: 200, counts: "X" }),
    ]);

    server.inject({ method: "GET", url: /whole\.h5ad.*alt=media/, kind: "cut", after: 1000 });
    const outcome = await atlas("import", "gs://others/folder/whole.h5ad");
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    expect(server.pending()).toBe(0);
    expect(JSON.parse((await atlas("list")).stdout)).toMatchObject({
      atlases: [{ dataset: "whole", simulated: true, n_genes: 200, source_file: "whole.h5ad" }],
    });
  });
});

const AS_ZARR = `
import json, sys, warnings
warnings.simplefilter("ignore")
import anndata
told = json.loads(sys.argv[1])
anndata.read_h5ad(told["file"]).write_zarr(told["folder"])
print("{}")
`;

describeWith(GCS, PYTHON)("a zarr folder in Cloud Storage", () => {
  test("is imported like the file, and as it is now, not with what it held before", async () => {
    const server = await startGcs();
    onTestFinished(() => server.stop());
    await server.makeBucket("haystack-test");
    await server.makeBucket("others");
    const folder = await temporaryFolder();
    const env = {
      GCS_BUCKET: "haystack-test",
      GCS_ENDPOINT: server.url,
      BATCH_PROJECT: "p",
      BATCH_IMAGE: "worker",
      PUBSUB_TOPIC: "t",
      PUBSUB_SUBSCRIPTION: "s",
    };
    const atlas = async (...args: string[]): Promise<Record<string, unknown>> => {
      const outcome = await haystack(["atlas", ...args, "--data-dir", folder, "--json"], { env });
      expect([outcome.code, outcome.stderr]).toEqual([0, expect.not.stringMatching(/haystack:/)]);
      return JSON.parse(outcome.stdout) as Record<string, unknown>;
    };
    const file = join(folder, "kept.h5ad");
    const size = ["--genes", "100", "--cells-per-group", "3"];
    await atlas("simulate", "--output", file, "--no-import", ...size);
    const zarr = join(folder, "kept.zarr");
    await runPython(AS_ZARR, { file, folder: zarr });
    const at = (name: string) =>
      `${server.url}/storage/v1/b/others/o/${encodeURIComponent(`folder/kept.zarr/${name}`)}`;
    const entries = await readdir(zarr, { recursive: true, withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(zarr.length + 1));
    for (const name of names) {
      const address = `${server.url}/upload/storage/v1/b/others/o?uploadType=media&name=${encodeURIComponent(`folder/kept.zarr/${name}`)}`;
      const body = new Uint8Array(await readFile(join(zarr, name)));
      expect((await fetch(address, { method: "POST", body })).status).toBe(200);
    }
    const here = await atlas("import", file, "--dataset", "here");
    const there = await atlas("import", "gs://others/folder/kept.zarr/");
    expect(there).toEqual({
      ...here,
      dataset: "kept",
      donors: (here["donors"] as string[]).map((donor) => donor.replace("here", "kept")),
      source_file: "kept.zarr",
    });

    const chunk = names.find((name) => /^X\/data\/(c\/)?0$/.test(name)) ?? "";
    expect((await fetch(at(chunk), { method: "DELETE" })).ok).toBe(true);
    const outcome = await haystack(
      ["atlas", "import", "gs://others/folder/kept.zarr", "--data-dir", folder, "--json"],
      { env },
    );
    expect([outcome.code, JSON.parse(outcome.stdout)]).toEqual([
      2,
      expect.objectContaining({ error: "FILE_DAMAGED" }),
    ]);
  });
});
