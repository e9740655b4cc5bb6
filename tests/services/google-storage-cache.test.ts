import { generateKeyPairSync } from "node:crypto";
import { chmod, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { describeWithGcs, startGcs, type GcsServer } from "../support/gcs-server.ts";
import { openStorage, type StorageHarness } from "./google-storage-harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

describeWithGcs("Cloud Storage cache", () => {
  let server: GcsServer;
  beforeAll(async () => {
    server = await startGcs();
  });
  afterAll(() => server.stop());

  const during = async (
    work: () => Promise<unknown>,
  ): Promise<{ readonly all: number; readonly media: number }> => {
    const before = server.requests.length;
    await work();
    const made = server.requests.slice(before);
    return {
      all: made.length,
      media: made.filter((request) => request.includes("alt=media")).length,
    };
  };
  const cached = async (cacheDir: string): Promise<string[]> =>
    (await readdir(cacheDir, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .toSorted();
  const text = (letter: string): string => letter.repeat(10_000);

  test("fetched files lie at their objects' paths, read-only", async () => {
    const { objects } = await openStorage(server);
    await objects.putText("atlases/kang/index.json", "{}");
    await objects.putText("atlases/kang/groups/b.h5ad", "cells");
    const index = await objects.fetch({ path: "atlases/kang/index.json" });
    const group = await objects.fetch({ path: "atlases/kang/groups/b.h5ad" });
    expect(group).toBe(join(dirname(index), "groups", "b.h5ad"));
    expect((await stat(group)).mode & 0o222).toBe(0);
  });

  test("a copy is used again, also after a restart: without a request when the hash is known, else with one question", async () => {
    const { objects, bucket, cacheDir } = await openStorage(server);
    const ref = await objects.putText("a/b", "counts");
    await objects.fetch(ref);
    expect(await during(() => objects.fetch(ref))).toEqual({ all: 0, media: 0 });
    expect(await during(() => objects.fetch({ path: "a/b" }))).toEqual({ all: 1, media: 0 });
    const later = await openStorage(server, { bucket, cacheDir });
    expect(await during(() => later.objects.fetch({ path: "a/b" }))).toEqual({ all: 1, media: 0 });
    expect(await during(() => later.objects.fetch(ref))).toEqual({ all: 0, media: 0 });
  });

  test("a copy whose bytes changed on the disk is replaced", async () => {
    const { objects } = await openStorage(server);
    const ref = await objects.putText("a/b", "intact");
    const file = await objects.fetch(ref);
    await chmod(file, 0o644);
    await writeFile(file, "intacT");
    expect(await readFile(await objects.fetch(ref), "utf8")).toBe("intact");
    await chmod(file, 0o644);
    await writeFile(file, "intacT");
    expect(await readFile(await objects.fetch({ path: "a/b" }), "utf8")).toBe("intact");
  });

  test("fetches of one object at the same time share one download, and one that is given up does not stop the others", async () => {
    const { objects } = await openStorage(server);
    const ref = await objects.putText("a/b", text("x"));
    const stop = new AbortController();
    server.inject({
      method: "GET",
      url: /alt=media/,
      kind: "drop",
      before: async () => stop.abort(),
    });
    const requests = await during(async () => {
      const given = objects.fetch(ref, stop.signal).catch((thrown: unknown) => thrown);
      const files = await Promise.all([
        ...Array.from({ length: 10 }, () => objects.fetch(ref)),
        objects.fetch({ path: "a/b" }),
      ]);
      expect(await given).toMatchObject({ code: "STEP_ABORTED" });
      expect(new Set(files).size).toBe(1);
      expect(await readFile(files[0] ?? "", "utf8")).toBe(text("x"));
    });
    expect(requests.media).toBe(2);
  });

  test("beyond the limit the copy unused for longest goes, the newest never", async () => {
    const { objects, cacheDir } = await openStorage(server, { cacheBytes: 25_000, holdSeconds: 0 });
    for (const name of ["a", "b", "c"]) await objects.putText(`groups/${name}`, text(name));
    for (const name of ["a", "b"]) await objects.fetch({ path: `groups/${name}` });
    await utimes(join(cacheDir, "groups", "b"), 1_000_000, 1_000_000);
    await objects.fetch({ path: "groups/a" });
    await objects.fetch({ path: "groups/c" });
    expect(await cached(cacheDir)).toEqual(["a", "c"]);
    await objects.putText("groups/large", text("l").repeat(3));
    expect(await readFile(await objects.fetch({ path: "groups/large" }), "utf8")).toHaveLength(
      30_000,
    );
    expect(await cached(cacheDir)).toEqual(["large"]);
    expect(await readFile(await objects.fetch({ path: "groups/a" }), "utf8")).toBe(text("a"));
    expect(await cached(cacheDir)).toEqual(["a"]);
  });

  test("a copy in use stays beyond the limit; after a restart its access time tells", async () => {
    const open = (more: Partial<StorageHarness>): Promise<StorageHarness> =>
      openStorage(server, { cacheBytes: 15_000, holdSeconds: 60, ...more });
    const { objects, bucket, cacheDir } = await open({});
    for (const name of ["a", "b", "c", "d"]) await objects.putText(`groups/${name}`, text(name));
    for (const name of ["a", "b", "c"]) await objects.fetch({ path: `groups/${name}` });
    expect(await cached(cacheDir)).toEqual(["a", "b", "c"]);
    const long = Date.now() / 1000 - 3600;
    for (const name of ["a", "c"]) await utimes(join(cacheDir, "groups", name), long, long);
    const later = await open({ bucket, cacheDir });
    await later.objects.fetch({ path: "groups/d" });
    expect(await cached(cacheDir)).toEqual(["b", "d"]);
  });

  test("a signed URL gives the object to anyone, for its time", async () => {
    const { privateKey: private_key } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const keyFile = join(await temporaryFolder(), "key.json");
    await writeFile(
      keyFile,
      JSON.stringify({
        type: "service_account",
        client_email: "haystack@p.iam.gserviceaccount.com",
        private_key,
      }),
    );
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", keyFile);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { objects } = await openStorage(server, { prefix: "team" });
    await objects.putText("results/r1/r1_report.html", "<p>report</p>");
    const url = new URL((await objects.signedUrl?.("results/r1/r1_report.html", 300)) ?? "");
    expect(url.searchParams.get("X-Goog-Algorithm")).toBe("GOOG4-RSA-SHA256");
    const lives = Number(url.searchParams.get("X-Goog-Expires"));
    expect(lives).toBeLessThanOrEqual(300);
    expect(lives).toBeGreaterThan(240);
    expect(url.pathname).toMatch(/team\/results\/r1\/r1_report\.html$/);
    expect(await (await fetch(url)).text()).toBe("<p>report</p>");
    await expect(objects.signedUrl?.("results/r1/r1_report.html", 13 * 3600)).rejects.toMatchObject(
      { code: "CONFIG_INVALID" },
    );
  });
});
