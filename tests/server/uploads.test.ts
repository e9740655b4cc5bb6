import { readFile, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { simulate } from "../../actors/tasks.ts";
import { createUploads, type Uploads } from "../../actors/uploads.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { adminUploads } from "../support/uploads.ts";
import { GLIOBLASTOMA, KANG, describeWithData } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { manualClock } from "../../services/clock/manual.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { ADA } from "./api-harness.ts";

const leftIn = async ({ config }: TestServer): Promise<string[]> =>
  readdir(join(config.dataDir, "uploads")).catch(() => []);

async function simulated(): Promise<Buffer> {
  const file = join(await temporaryFolder(), "simulated.h5ad");
  await simulate({ file, options: { seed: 1, nGenes: 200, cellsPerGroup: 6, nDonors: 2 } });
  return readFile(file);
}

describeWithData("uploads of real files", () => {
  test("a file is sent in pieces, asked about, imported as its sender says, and is an atlas without a restart", async () => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    const admin = await adminUploads(server);
    const content = await readFile(KANG);
    const { id, received } = (await admin.begin("kang.h5ad", content.length)).body;
    expect(received).toBe(0);
    const third = Math.ceil(content.length / 3);
    for (let offset = 0; offset < content.length; offset += third) {
      const { status, body } = await admin.append(
        id,
        offset,
        content.subarray(offset, offset + third),
      );
      expect([status, body.received]).toEqual([200, Math.min(content.length, offset + third)]);
    }
    const found = (await admin.inspect(id)).body;
    expect(found).toMatchObject({
      n_obs: 1_556,
      n_vars: 1_267,
      counts: "X",
      guessed: { cell_type: "cell_type", perturbation: "perturbation", control_label: "control" },
    });
    // A wrong answer is told, and another may be given.
    expect((await admin.import(id, { perturbation: "no_such_column" })).status).toBe(202);
    const failed = await admin.settled(id);
    expect(failed).toMatchObject({
      state: "received",
      error: {
        code: "COLUMN_NOT_FOUND",
        message: expect.stringContaining("no_such_column") as string,
      },
    });
    expect(failed.error?.message).not.toContain(server.config.dataDir);
    const columns = { perturbation: "perturbation", control_labels: ["control"] };
    expect((await admin.import(id, { dataset: "kang", ...columns })).body).toMatchObject({
      state: "importing",
      dataset: "kang",
    });
    expect(await admin.settled(id)).toMatchObject({
      state: "imported",
      dataset: "kang",
      error: null,
    });
    expect(await leftIn(server)).toEqual([]);
    const datasets = await fetch(`${server.url}/api/v1/atlas/datasets`, { headers: admin.headers });
    expect(await datasets.json()).toMatchObject({
      datasets: [{ dataset: "kang", source_file: "kang.h5ad", n_cells: 1_556 }],
    });
    const audited = async () =>
      (await server.parts.access.listAudit({}))
        .filter(({ action }) => action !== "look")
        .toReversed()
        .map(({ who, action, target, outcome }) => [who, action, target, outcome]);
    await expect.poll(audited).toEqual([
      ["root@example.org", "upload", "kang.h5ad", "begun"],
      ["root@example.org", "upload", "kang.h5ad", "done"],
      ["root@example.org", "atlas.import", "kang.h5ad", "begun"],
      ["root@example.org", "atlas.import", "kang.h5ad", "COLUMN_NOT_FOUND"],
      ["root@example.org", "atlas.import", "kang", "begun"],
      ["root@example.org", "atlas.import", "kang", "done"],
    ]);
  });

  test("two at once become two atlases; one name is for one of them", async () => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    const admin = await adminUploads(server);
    const files = [await readFile(KANG), await readFile(GLIOBLASTOMA)];
    const ids = await Promise.all(
      files.map(async (content, at) => admin.send(`file${at}.h5ad`, content)),
    );
    const [first = "", second = ""] = ids;
    expect((await admin.import(first, { dataset: "same" })).status).toBe(202);
    expect(await admin.import(second, { dataset: "same" })).toMatchObject({
      status: 409,
      body: { error: "UPLOAD_STATE_FORBIDS" },
    });
    expect((await admin.import(second, {})).status).toBe(202);
    const ends = await Promise.all(ids.map((id) => admin.settled(id)));
    expect(ends.map(({ dataset, error }) => [dataset, error])).toEqual([
      ["same", null],
      ["file1", null],
    ]);
    expect((await server.daemon.atlases.list()).map(({ dataset }) => dataset).toSorted()).toEqual([
      "file1",
      "same",
    ]);
    const again = await admin.send("other.h5ad", files[1] ?? Buffer.alloc(0));
    await admin.import(again, { dataset: "same" });
    expect((await admin.settled(again)).error?.code).toBe("ATLAS_EXISTS");
  });
});

test("what is no AnnData is refused in a sentence at its first piece or when it is whole, and leaves nothing", async () => {
  const server = await startTestServer({ env: { AUTH: "token" } });
  const admin = await adminUploads(server);
  const text = Buffer.from("gene,cell\nISG15,1\n".repeat(1_000));
  const { id } = (await admin.begin("table.h5ad", text.length * 100)).body;
  const refused = await admin.append(id, 0, text);
  expect(refused).toMatchObject({ status: 400, body: { error: "FILE_NOT_HDF5" } });
  expect(refused.body.message).toMatch(/^table\.h5ad /);
  expect((await admin.append(id, 0, text)).body.error).toBe("UPLOAD_NOT_FOUND");
  const broken = (await simulated()).subarray(0, 5_000);
  const cut = await admin.send("cut.h5ad", broken);
  expect(await admin.inspect(cut)).toMatchObject({
    status: 400,
    body: { error: expect.stringMatching(/^(FILE|ANNDATA)_/) as string },
  });
  expect((await admin.list()).uploads).toEqual([]);
  expect(await leftIn(server)).toEqual([]);
  for (const name of ["table.csv", "../x.h5ad", "a/b.h5ad", ".h5ad", "x.h5ad\u0000"])
    expect((await admin.begin(name, 10)).status).toBe(400);
});

test("an import of a file that is being imported is refused, and its answers are not taken", async () => {
  const server = await startTestServer({ env: { AUTH: "token" } });
  const admin = await adminUploads(server);
  const content = await simulated();
  const id = await admin.send("a.h5ad", content);
  const { promise: ended, resolve: end } = Promise.withResolvers<AtlasIndex>();
  const begun = vi.spyOn(server.daemon.atlases, "import").mockReturnValue(ended);
  expect((await admin.import(id, { dataset: "first" })).status).toBe(202);
  expect(await admin.import(id, { dataset: "second" })).toMatchObject({
    status: 409,
    body: {
      error: "UPLOAD_STATE_FORBIDS",
      message: "a.h5ad is being worked on; wait until that is done.",
      details: { state: "importing" },
    },
  });
  end({ dataset: "first" } as AtlasIndex);
  expect(await admin.settled(id)).toMatchObject({ state: "imported", dataset: "first" });
  expect(begun).toHaveBeenCalledOnce();
});

test("pieces come in order and no longer than the file; a piece that is lost is sent again", async () => {
  const server = await startTestServer({ env: { AUTH: "token" } });
  const admin = await adminUploads(server);
  const content = await simulated();
  const { id } = (await admin.begin("a.h5ad", content.length)).body;
  expect(await admin.inspect(id)).toMatchObject({
    status: 409,
    body: { message: "a.h5ad is not whole yet; send the rest of it." },
  });
  expect((await admin.import(id, {})).status).toBe(409);
  const half = content.subarray(0, 10_000);
  await admin.append(id, 0, half);
  for (const offset of [0, 9_999, 10_001])
    expect(await admin.append(id, offset, half)).toMatchObject({
      status: 409,
      body: { error: "UPLOAD_STATE_FORBIDS", details: { received: 10_000 } },
    });
  expect((await admin.append(id, 10_000, content)).status).toBe(409);
  expect((await admin.append(id, 10_000, Buffer.alloc(8_388_609))).status).toBe(413);
  expect((await admin.append(id, 10_000, content.subarray(10_000))).body.state).toBe("received");
  expect((await admin.inspect(id)).body.warnings).toBeDefined();
  expect((await admin.discard(id)).status).toBe(204);
  expect((await admin.discard(id)).status).toBe(404);
  expect(await leftIn(server)).toEqual([]);
});

test("only administrators send files, however they ask, and none beyond the configured size", async () => {
  const server = await startTestServer({ env: { AUTH: "token", HTTP_UPLOAD_GB: "0.001" } });
  const admin = await adminUploads(server);
  const ada = { authorization: `Bearer ${await server.token(ADA)}` };
  const { id } = (await admin.begin("a.h5ad", 1_000)).body;
  for (const [method, path] of [
    ["GET", ""],
    ["POST", ""],
    ["PUT", `/${id}/content?offset=0`],
    ["POST", `/${id}/inspection`],
    ["POST", `/${id}/import`],
    ["DELETE", `/${id}`],
  ] as const)
    expect(
      (await fetch(`${server.url}/admin/uploads${path}`, { method, headers: ada })).status,
    ).toBe(403);
  expect(await admin.begin("big.h5ad", 1_000_001)).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining("HTTP_UPLOAD_GB") as string },
  });
  await Promise.all([1, 2, 3].map(() => admin.begin("b.h5ad", 10)));
  expect((await admin.begin("c.h5ad", 10)).body.error).toBe("QUOTA_REACHED");
});

/** The uploads alone, with a clock of the test's. */
async function alone(
  changes: Partial<Parameters<typeof createUploads>[0]> = {},
): Promise<{ uploads: Uploads; folder: string; clock: ReturnType<typeof manualClock> }> {
  const folder = join(await temporaryFolder(), "uploads");
  const clock = manualClock();
  const uploads = createUploads({
    folder,
    mostBytes: 1e9,
    atlases: { import: () => new Promise(() => undefined) },
    compute: { run: () => Promise.reject(new Error("It is not asked.")) },
    clock,
    freeBytes: () => undefined,
    onTrouble: () => undefined,
    ...changes,
  });
  onTestFinished(() => uploads.close());
  return { uploads, folder, clock };
}
const HEAD = Buffer.concat([Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), Buffer.alloc(92)]);

test("an upload that breaks off is gone two minutes after its last piece, one that is whole after a day", async () => {
  const { uploads, folder, clock } = await alone();
  const broken = await uploads.begin({ name: "a.h5ad", bytes: 200, by: ADA });
  const whole = await uploads.begin({ name: "b.h5ad", bytes: 100, by: ADA });
  await uploads.append(whole.id, 0, HEAD);
  clock.advance(100_000);
  await uploads.append(broken.id, 0, HEAD);
  const after = async (ms: number): Promise<number> => {
    for (let passed = 0; passed < ms; passed += 30_000) {
      clock.advance(30_000);
      // The next sweep is waited for once this one has removed what it removes.
      await expect.poll(() => clock.waiting).toBe(1);
    }
    expect(await readdir(folder)).toHaveLength(uploads.list().length);
    return uploads.list().length;
  };
  expect(await after(90_000)).toBe(2);
  expect(await after(60_000)).toBe(1);
  expect(uploads.list()[0]?.id).toBe(whole.id);
  expect(await after(24 * 3_600_000)).toBe(0);
});

test("a disk without room for the file is told of before anything is sent; what was promised counts", async () => {
  const { uploads } = await alone({ freeBytes: () => 1_000 });
  await uploads.begin({ name: "a.h5ad", bytes: 900, by: ADA });
  await expect(uploads.begin({ name: "b.h5ad", bytes: 200, by: ADA })).rejects.toMatchObject({
    code: "DISK_FULL",
    message: expect.stringContaining("too little for b.h5ad") as string,
  });
  expect(uploads.list()).toHaveLength(1);
});

test("a disk that fills up while a file comes is told of in a sentence, and leaves nothing", async () => {
  const { uploads, folder } = await alone();
  const { id } = await uploads.begin({ name: "a.h5ad", bytes: 200, by: ADA });
  const [own = ""] = await readdir(folder);
  await symlink("/dev/full", join(folder, own, "a.h5ad"));
  await expect(uploads.append(id, 0, HEAD)).rejects.toMatchObject({
    code: "DISK_FULL",
    message: "Writing a.h5ad failed: the disk is full; free some space.",
  });
  expect(uploads.list()).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

test("a daemon that stops leaves nothing of what was sent", async () => {
  const { uploads, folder } = await alone();
  const { id } = await uploads.begin({ name: "a.h5ad", bytes: 100, by: ADA });
  await uploads.append(id, 0, HEAD);
  const importing = uploads.import(id, {});
  importing.catch(() => undefined);
  expect(uploads.list()[0]?.state).toBe("importing");
  await uploads.close();
  expect(await readdir(folder)).toEqual([]);
});

test("a folder that cannot be made leaves no upload in the list", async () => {
  const { uploads } = await alone({ folder: "/proc" });
  await expect(uploads.begin({ name: "a.h5ad", bytes: 200, by: ADA })).rejects.toThrow("ENOENT");
  expect(uploads.list()).toEqual([]);
});

test("a file that cannot be removed keeps no other, is told of, and makes no import fail", async () => {
  const told: string[] = [];
  const { uploads, folder, clock } = await alone({
    onTrouble: ({ message }) => told.push(message),
    atlases: { import: () => Promise.resolve({ dataset: "c" } as AtlasIndex) },
  });
  for (const name of ["a.h5ad", "b.h5ad"]) await uploads.begin({ name, bytes: 200, by: ADA });
  const { id } = await uploads.begin({ name: "c.h5ad", bytes: 100, by: ADA });
  await uploads.append(id, 0, HEAD);
  await rename(folder, `${folder}-away`);
  await writeFile(folder, "a file where the folder was");
  expect(await uploads.import(id, {})).toEqual({ dataset: "c" });
  expect(uploads.list().find((upload) => upload.id === id)).toMatchObject({
    state: "imported",
    error: null,
  });
  for (let passed = 0; passed < 150_000; passed += 30_000) {
    clock.advance(30_000);
    await expect.poll(() => clock.waiting).toBe(1);
  }
  expect(uploads.list()).toHaveLength(1);
  expect(told).toEqual(
    ["c.h5ad", "a.h5ad", "b.h5ad"].map(
      (name) => expect.stringMatching(`^What was sent of ${name} cannot be removed`) as string,
    ),
  );
  await uploads.close();
});
