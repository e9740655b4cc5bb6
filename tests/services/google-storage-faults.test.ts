import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { describeWithGcs, startGcs, type GcsServer } from "../support/gcs-server.ts";
import { openStorage } from "./google-storage-harness.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const MIB = 1 << 20;
const STALL_SECONDS = 60;
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Bytes of the files below the folder. */
async function sizeOfAll(folder: string): Promise<number> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  return (
    await Promise.all(files.map(({ parentPath, name }) => stat(join(parentPath, name))))
  ).reduce((sum, { size }) => sum + size, 0);
}

async function localFile(size: number): Promise<{ readonly file: string; readonly bytes: Buffer }> {
  const bytes = randomBytes(size);
  const file = join(await temporaryFolder(), "local");
  await writeFile(file, bytes);
  return { file, bytes };
}

describeWithGcs("Cloud Storage faults", () => {
  let server: GcsServer;
  beforeAll(async () => {
    server = await startGcs();
  });
  afterAll(() => server.stop());
  /** Requests made during `work` that fit. */
  const during = async (pattern: RegExp, work: () => Promise<unknown>): Promise<string[]> => {
    const before = server.requests.length;
    await work();
    expect(server.pending()).toBe(0);
    return server.requests.slice(before).filter((request) => pattern.test(request));
  };

  test.each([
    { what: "503", fault: { kind: "status", status: 503, times: 2 } },
    { what: "429", fault: { kind: "status", status: 429, times: 2 } },
    { what: "a dropped connection", fault: { kind: "drop", times: 2 } },
  ] as const)("$what while looking, listing and downloading is got over", async ({ fault }) => {
    const { objects, bucket } = await openStorage(server);
    const ref = await objects.putText("a/b", "counts");
    server.inject({ method: "GET", url: new RegExp(`${bucket}/o/a/b(\\?$|$)`), ...fault });
    expect(await objects.stat("a/b")).toMatchObject({ path: "a/b", size: 6 });
    server.inject({ method: "GET", url: new RegExp(`${bucket}/o\\?`), ...fault });
    const listed = [];
    for await (const path of objects.list("")) listed.push(path);
    expect(listed).toEqual(["a/b"]);
    server.inject({ method: "GET", url: /alt=media/, ...fault });
    expect(await readFile(await objects.fetch(ref), "utf8")).toBe("counts");
    expect(server.pending()).toBe(0);
  });

  test.each(["cut", "stall"] as const)(
    "a download that breaks off (%s) goes on where it broke",
    async (kind) => {
      const { objects, cacheDir } = await openStorage(server, { stallSeconds: STALL_SECONDS });
      const { file, bytes } = await localFile(3 * MIB);
      const ref = await objects.put("a/b", file);
      server.inject({ method: "GET", url: /alt=media/, kind, after: MIB });
      server.inject({ method: "GET", url: /alt=media/, kind, after: MIB });
      let fetched = "";
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
      onTestFinished(() => void vi.useRealTimers());
      const media = await during(/alt=media/, async () => {
        const fetching = objects.fetch(ref);
        for (const come of kind === "stall" ? [MIB, 2 * MIB] : []) {
          await expect.poll(() => sizeOfAll(join(cacheDir, ".scratch"))).toBe(come);
          vi.advanceTimersByTime(STALL_SECONDS * 1_000);
        }
        fetched = await fetching;
      });
      expect(sha256(await readFile(fetched))).toBe(sha256(bytes));
      expect(media).toHaveLength(3);
      const starts = media.map((request) => Number(/bytes=(\d+)-$/.exec(request)?.[1] ?? 0));
      expect(starts[0]).toBe(0);
      expect(starts[1]).toBeGreaterThan(0);
      expect(starts[2]).toBeGreaterThan(starts[1] ?? 0);
      expect(await readdir(join(cacheDir, ".scratch"))).toEqual([]);
    },
  );

  test("a download with another checksum is repeated once, then OBJECT_DAMAGED, and nothing stays behind", async () => {
    const { objects, cacheDir } = await openStorage(server);
    const ref = await objects.putText("a/b", "counts".repeat(100));
    server.inject({ method: "GET", url: /alt=media/, kind: "corrupt-reply", times: 2 });
    const twice = await during(/alt=media/, () =>
      expect(objects.fetch(ref)).rejects.toMatchObject({ code: "OBJECT_DAMAGED" }),
    );
    expect(twice).toHaveLength(2);
    expect(await readdir(cacheDir)).toEqual([".scratch"]);
    expect(await readdir(join(cacheDir, ".scratch"))).toEqual([]);
    server.inject({ method: "GET", url: /alt=media/, kind: "corrupt-reply" });
    expect(await readFile(await objects.fetch({ path: "a/b" }), "utf8")).toBe("counts".repeat(100));
  });

  test("an object that another program wrote is checked by its CRC32C", async () => {
    const { objects, bucket } = await openStorage(server);
    const body = randomBytes(200_000);
    const made = await fetch(
      `${server.url}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=a/b`,
      { method: "POST", body },
    );
    expect(made.ok).toBe(true);
    server.inject({ method: "GET", url: /alt=media/, kind: "corrupt-reply" });
    const media = await during(/alt=media/, async () => {
      expect(sha256(await readFile(await objects.fetch({ path: "a/b" })))).toBe(sha256(body));
    });
    expect(media).toHaveLength(2);
    expect(await objects.fetch({ path: "a/b", sha256: sha256(body) })).toBeTruthy();
  });

  test.each([
    { what: "503", fault: { kind: "status", status: 503, times: 2 } },
    { what: "a dropped connection", fault: { kind: "drop", times: 2 } },
    { what: "a lost reply", fault: { kind: "lose-reply" } },
    { what: "a byte changed on the way", fault: { kind: "corrupt-request" } },
  ] as const)("a small upload gets over $what and stores once", async ({ fault }) => {
    const { objects, bucket } = await openStorage(server);
    const { file, bytes } = await localFile(MIB);
    server.inject({ method: "POST", url: new RegExp(`${bucket}.*uploadType=multipart`), ...fault });
    const ref = await objects.put("a/b", file);
    expect(server.pending()).toBe(0);
    expect(ref.sha256).toBe(sha256(bytes));
    expect(await readFile(await objects.fetch(ref))).toEqual(bytes);
  });

  test.each([
    { what: "503", fault: { kind: "status", status: 503, times: 2 }, parts: 7, removed: 0 },
    { what: "a dropped connection", fault: { kind: "drop", times: 2 }, parts: 7, removed: 0 },
    { what: "a lost reply", fault: { kind: "lose-reply", times: 2 }, parts: 5, removed: 0 },
    {
      what: "a byte changed on the way",
      fault: { kind: "corrupt-request" },
      parts: 10,
      removed: 1,
    },
  ] as const)(
    "an upload of five parts gets over $what with $parts parts sent",
    async ({ fault, parts, removed }) => {
      const { objects } = await openStorage(server, { partBytes: 256 << 10 });
      const { file, bytes } = await localFile(MIB + 1000);
      server.inject({ method: "PUT", url: /upload_id.* bytes \d/, ...fault });
      const puts = await during(/^(PUT|DELETE)/, () => objects.put("a/b", file));
      const ref = await objects.put("a/b", file);
      expect(await readFile(await objects.fetch(ref))).toEqual(bytes);
      expect(puts.filter((request) => / bytes \d/.test(request))).toHaveLength(parts);
      expect(
        puts.filter((request) => /^DELETE.*ifGenerationMatch=\d{3,}/.test(request)),
      ).toHaveLength(removed);
    },
  );

  test("a reply to the last part that is lost is asked for again", async () => {
    const { objects } = await openStorage(server, { partBytes: 256 << 10 });
    const { file, bytes } = await localFile(300_000);
    server.inject({ method: "PUT", url: /upload_id.* bytes 262144-/, kind: "lose-reply" });
    const puts = await during(/^PUT/, () => objects.put("a/b", file));
    const ref = await objects.put("a/b", file);
    expect(puts.map((request) => / (bytes .*)$/.exec(request)?.[1])).toEqual([
      "bytes 0-262143/300000",
      "bytes 262144-299999/300000",
      "bytes */300000",
    ]);
    expect(await readFile(await objects.fetch(ref))).toEqual(bytes);
  });

  test("every write carries a precondition, and a writer that comes between is seen", async () => {
    const { objects, bucket } = await openStorage(server);
    const { objects: other } = await openStorage(server, { bucket });
    server.inject({
      method: "POST",
      url: /uploadType=multipart/,
      kind: "status",
      status: 503,
      before: async () => void (await other.putText("a/b", "theirs")),
    });
    const uploads = await during(/^POST.*upload/, () => objects.putText("a/b", "ours"));
    expect(uploads.map((request) => /ifGenerationMatch=(\d+)/.exec(request)?.[1])).toEqual([
      "0",
      "0",
      "0",
      expect.stringMatching(/^\d{10,}$/),
    ]);
    expect(await readFile(await objects.fetch({ path: "a/b" }), "utf8")).toBe("ours");
    const unchanged = await during(/^POST.*upload/, () => objects.putText("a/b", "ours"));
    expect(unchanged).toEqual([]);
    const writes = server.requests.filter(
      (request) =>
        /^(POST.*\/upload\/|DELETE)/.test(request) && !request.includes("uploadType=media"),
    );
    expect(writes.filter((request) => !request.includes("ifGenerationMatch="))).toEqual([]);
  });

  test("an object replaced during its download comes in one piece, the new one", async () => {
    const { objects, bucket } = await openStorage(server);
    const { objects: other } = await openStorage(server, { bucket });
    await objects.putText("a/b", "old".repeat(100_000));
    server.inject({ method: "GET", url: /alt=media/, kind: "cut", after: 1000 });
    server.inject({
      method: "GET",
      url: /alt=media/,
      kind: "status",
      status: 503,
      before: async () => void (await other.putText("a/b", "new".repeat(100_000))),
    });
    expect(await readFile(await objects.fetch({ path: "a/b" }), "utf8")).toBe(
      "new".repeat(100_000),
    );
    expect(server.pending()).toBe(0);
  });

  test("a server that stays away is OBJECTS_UNAVAILABLE after all attempts, a refusal at once; both leave no file", async () => {
    const { objects, bucket } = await openStorage(server);
    await objects.putText("a/b", "x");
    server.inject({
      method: "GET",
      url: new RegExp(`${bucket}/o/a/b`),
      kind: "status",
      status: 503,
      times: 5,
    });
    const calls = await during(new RegExp(bucket), () =>
      expect(objects.fetch({ path: "a/b" })).rejects.toMatchObject({
        code: "OBJECTS_UNAVAILABLE",
        retryable: true,
      }),
    );
    expect(calls).toHaveLength(5);
    server.inject({
      method: "GET",
      url: new RegExp(`${bucket}/o/a/b`),
      kind: "status",
      status: 403,
    });
    await expect(objects.stat("a/b")).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
      message: expect.stringContaining("roles/storage.objectUser"),
    });
    expect(server.pending()).toBe(0);
    const { objects: nowhere } = await openStorage(server, { bucket: "no-such-bucket" });
    await expect(nowhere.putText("a/b", "x")).rejects.toMatchObject({
      code: "OBJECTS_UNAVAILABLE",
      message: expect.stringContaining("no-such-bucket does not exist"),
    });
  });

  test("a download that is aborted midway stops at once and leaves nothing", async () => {
    const { objects, cacheDir } = await openStorage(server);
    const ref = await objects.putText("a/b", "x".repeat(300_000));
    const stop = new AbortController();
    server.inject({
      method: "GET",
      url: /alt=media/,
      kind: "stall",
      after: 1000,
      before: async () => void setImmediate(() => stop.abort()),
    });
    await expect(objects.fetch(ref, stop.signal)).rejects.toMatchObject({ code: "STEP_ABORTED" });
    await objects.close();
    expect(await readdir(cacheDir)).toEqual([".scratch"]);
    expect(await readdir(join(cacheDir, ".scratch"))).toEqual([]);
  });
});
