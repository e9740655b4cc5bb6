import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { HaystackError } from "../../errors.ts";
import {
  prepareSchema,
  SCHEMA_VERSION,
  SCHEMA_VERSIONS,
} from "../../services/runs/sqlite/schema.ts";
import { seededRandom } from "../support/simulation/random.ts";
import { openSqliteRuns } from "../../services/runs/sqlite/store.ts";
import { runsContract } from "./runs.contract.ts";
import { justInserted, sampleRun } from "./runs-fixtures.ts";
import { temporaryFolder } from "./temporary-folder.ts";

runsContract("SQLite", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  return {
    open: () => openSqliteRuns({ file }),
    setStatus: (runId, status) => {
      const db = new DatabaseSync(file);
      db.prepare("UPDATE runs SET status = ? WHERE run_id = ?").run(status, runId);
      db.close();
      return Promise.resolve();
    },
  };
});

test("a document that is no JSON keeps no other run from being counted, listed and removed", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const store = await openSqliteRuns({ file });
  onTestFinished(() => store.close());
  const past = { status: "failed", user_email: "ada@example.org" } as const;
  const good = sampleRun("good", past);
  await store.insert({
    ...good,
    completed_at: good.created_at,
    usage: { ...good.usage, gpu_cost_usd: 2 },
    error: { code: "JOB_FAILED", message: "It failed.", retryable: false, phase: "inference" },
  });
  await store.insert(sampleRun("bad", past));
  const db = new DatabaseSync(file);
  db.exec("UPDATE runs SET document = '{\"usage\":' WHERE run_id = 'bad'");
  db.close();
  expect(await store.usedBy("ada@example.org", "2020-01-01T00:00:00.000Z")).toEqual({
    queued: 0,
    gpu_cost_usd: 2,
    gpu_reserved_usd: 0,
  });
  const failed = await store.list({ failed_with: "JOB_FAILED" });
  expect(failed.map(({ run_id }) => run_id)).toEqual(["good"]);
  const never = "9999-12-31T23:59:59.999Z";
  const ended = await store.removal.ended({ ended_before: never, unpruned: true, limit: 9 });
  expect(ended.map(({ run_id }) => run_id).toSorted()).toEqual(["bad", "good"]);
});

test("a file of an earlier version gets the columns that it lacks, and keeps its runs", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const first = await openSqliteRuns({ file });
  await first.insert(sampleRun("run-a"));
  await first.close();
  const db = new DatabaseSync(file);
  db.exec(
    "DROP INDEX runs_queue_order; ALTER TABLE runs DROP COLUMN priority; ALTER TABLE inbox DROP COLUMN received_at; DROP TABLE mails; PRAGMA user_version = 0",
  );
  db.close();
  const again = await openSqliteRuns({ file });
  onTestFinished(() => again.close());
  expect(await again.get("run-a")).toStrictEqual(justInserted("run-a"));
  expect(await again.setPriority("run-a", 2)).toBe(true);
});

test("a file of an earlier version gets ids that can be shown", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const first = await openSqliteRuns({ file });
  await first.insert(sampleRun("run-a"));
  await first.close();
  const db = new DatabaseSync(file);
  db.exec(
    "DROP TRIGGER runs_unusable_id; DROP TRIGGER runs_unusable_new_id; UPDATE runs SET run_id = ''; PRAGMA user_version = 0",
  );
  db.close();
  const again = await openSqliteRuns({ file });
  onTestFinished(() => again.close());
  const ids = (await again.list({})).map(({ run_id }) => run_id);
  expect(ids).toEqual([expect.stringMatching(/^outside-[0-9a-f]{24}$/)]);
  expect((await again.get(ids[0] ?? ""))?.damage).toContain("run_id");
});

test("a process that stands still in the midst of a write does not keep others from opening and reading", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const first = await openSqliteRuns({ file });
  await first.insert(sampleRun("run-a"));
  await first.close();
  const still = new DatabaseSync(file);
  still.exec("BEGIN IMMEDIATE");
  const reader = await openSqliteRuns({ file });
  onTestFinished(() => reader.close());
  onTestFinished(() => still.close());
  expect(await reader.get("run-a")).toStrictEqual(justInserted("run-a"));
});

test("who opens a new file waits for the process that makes its tables", async () => {
  const file = join(await temporaryFolder(), "runs.sqlite");
  const maker = new DatabaseSync(file);
  maker.exec("BEGIN EXCLUSIVE; CREATE TABLE other (column)");
  const opened = openSqliteRuns({ file });
  onTestFinished(async () => (await opened).close());
  const got = opened.then((runs) => runs.get("run-a"));
  // A second connection that is refused shows that the first holds the file still.
  const second = new DatabaseSync(file);
  expect(() => second.exec("BEGIN IMMEDIATE")).toThrow(/locked/);
  second.close();
  maker.exec("DROP TABLE other; COMMIT");
  maker.close();
  expect(await got).toBeUndefined();
});

describe("a file that is not ours, or no longer whole", () => {
  const filled = async (): Promise<string> => {
    const file = join(await temporaryFolder(), "runs.sqlite");
    const store = await openSqliteRuns({ file });
    for (let index = 0; index < 200; index++) await store.insert(sampleRun(`run-${index}`));
    await store.close();
    return file;
  };
  const refusal = async (file: string) => {
    const store = await openSqliteRuns({ file });
    onTestFinished(() => store.close().catch(() => undefined));
    return store.list({}).then(
      () => store.check?.().then(() => "taken"),
      (thrown: unknown) => Promise.reject(thrown as Error),
    );
  };

  test("the present schema is the last of those that are known", () => {
    expect(SCHEMA_VERSIONS.at(-1)).toBe(SCHEMA_VERSION);
    expect(new Set(SCHEMA_VERSIONS).size).toBe(SCHEMA_VERSIONS.length);
  });

  test("a new file whose tables another process is just making is no file of another program", async () => {
    const file = join(await temporaryFolder(), "runs.sqlite");
    const [db, other] = [new DatabaseSync(file), new DatabaseSync(file)];
    onTestFinished(() => [db, other].forEach((each) => each.close()));
    other.exec("PRAGMA busy_timeout = 0");
    let tried = 0;
    const makeTables = (): void => {
      tried += 1;
      try {
        other.exec("CREATE TABLE runs (run_id, revision, document, snapshot, lease_token)");
      } catch (thrown) {
        if (!/locked/.test(String(thrown))) throw thrown;
      }
    };
    // At the last moment before it is seen whether the file is empty.
    const prepare = db.prepare.bind(db);
    db.prepare = (sql) => {
      if (sql.includes("FROM sqlite_schema")) makeTables();
      return prepare(sql);
    };
    prepareSchema(db);
    expect(tried).toBe(1);
  });

  test("a file of a later release is refused, and left as it is", async () => {
    const file = await filled();
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 424242; PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    const before = await readFile(file);
    await expect(refusal(file)).rejects.toMatchObject({ code: "STORE_VERSION_UNKNOWN" });
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  test("a database of another program is refused, whatever its tables are called", async () => {
    for (const sql of ["CREATE TABLE runs (id INTEGER)", "CREATE TABLE songs (title TEXT)"]) {
      const file = join(await temporaryFolder(), "runs.sqlite");
      const db = new DatabaseSync(file);
      db.exec(sql);
      db.close();
      await expect(refusal(file)).rejects.toMatchObject({ code: "STORE_VERSION_UNKNOWN" });
    }
  });

  test("what is no database, and pages that do not fit together, are told as damage", async () => {
    const text = join(await temporaryFolder(), "runs.sqlite");
    await writeFile(text, "These are not the runs. ".repeat(500));
    await expect(refusal(text)).rejects.toMatchObject({
      code: "STORE_DAMAGED",
      message: expect.stringMatching(/^The run store .* is damaged \(.*\); .*restore/) as string,
    });
    const file = await filled();
    expect(await refusal(file)).toBe("taken");
    const whole = await readFile(file);
    const random = seededRandom(1, "bytes");
    let told = 0;
    for (let page = 4; page < whole.length / 4_096; page += 7) {
      const damaged = Buffer.from(whole);
      for (let at = 0; at < 4_096; at++) damaged[page * 4_096 + at] = random.between(0, 255);
      await writeFile(file, damaged);
      const answer = await refusal(file).catch((thrown: unknown) => (thrown as HaystackError).code);
      if (answer === "STORE_DAMAGED") told += 1;
      else expect(answer).toBe("taken");
    }
    // A page of an index or of a table is noticed; one that holds the rest of a long text is not.
    expect(told).toBeGreaterThan(5);
  });
});
