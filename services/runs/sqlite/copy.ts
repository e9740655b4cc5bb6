import { backup, DatabaseSync } from "node:sqlite";
import { HaystackError } from "../../../errors.ts";
import { systemWords } from "../../../system-words.ts";

/**
 * Copies of SQLite files that other processes may be writing, and what a copy needs to live in
 * another folder.
 */

/** All pages in one step: between two steps another process's write would start the copy anew. */
const ALL_PAGES = 0x7fff_ffff;
const BUSY_MS = 10_000;

function unusable(file: string, thrown: unknown): HaystackError {
  if (thrown instanceof HaystackError) return thrown;
  return new HaystackError(
    "STORE_UNAVAILABLE",
    `The store ${file} cannot be copied (${systemWords(thrown) ?? "it failed"}); check the file and its folder.`,
    { cause: thrown },
  );
}

function withDatabase<Result>(
  file: string,
  options: { readonly readOnly: boolean },
  work: (db: DatabaseSync) => Result,
): Result {
  const db = new DatabaseSync(file, options);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    return work(db);
  } finally {
    db.close();
  }
}

/**
 * Copies what is committed at one moment, in one file without a journal; nobody who writes waits
 * for it. Errors: STORE_UNAVAILABLE; FILE_DAMAGED when SQLite finds the copy inconsistent.
 */
export async function copySqlite(file: string, copy: string): Promise<void> {
  try {
    const db = new DatabaseSync(file, { readOnly: true });
    try {
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      await backup(db, copy, { rate: ALL_PAGES });
    } finally {
      db.close();
    }
    withDatabase(copy, { readOnly: false }, (made) => {
      const [found] = made.prepare("PRAGMA integrity_check(1)").all();
      if (found?.["integrity_check"] !== "ok")
        throw new HaystackError(
          "FILE_DAMAGED",
          `The store ${file} is damaged, so it was not copied; restore the last good backup of it.`,
        );
      made.exec("PRAGMA journal_mode = DELETE");
    });
  } catch (thrown) {
    throw unusable(file, thrown);
  }
}

/** A snapshot that cannot be read names no jobs. */
const NAMED_JOBS = `
SELECT json_extract(job.value, '$.job_id') AS job_id
FROM runs, json_each(CASE WHEN json_valid(runs.snapshot) THEN runs.snapshot ELSE '{}' END, '$.context.jobs') AS job`;

const COMPLETED = "SELECT run_id FROM runs WHERE status = 'completed' ORDER BY run_id";

/** What the stored runs name: the inference jobs of all, and those that have delivered. */
export function namedIn(file: string): {
  readonly jobs: ReadonlySet<string>;
  readonly completed: readonly string[];
} {
  try {
    return withDatabase(file, { readOnly: true }, (db) => {
      const texts = (sql: string, column: string): string[] =>
        db
          .prepare(sql)
          .all()
          .map((row) => row[column])
          .filter((value) => typeof value === "string");
      return {
        jobs: new Set(texts(NAMED_JOBS, "job_id")),
        completed: texts(COMPLETED, "run_id"),
      };
    });
  } catch (thrown) {
    throw unusable(file, thrown);
  }
}

const OUTPUT_PATHS = [
  ["document", "$.output_anndata_path"],
  ["document", "$.output_report_path"],
  ["document", "$.output_log_path"],
  ["snapshot", "$.context.outputs.anndata"],
  ["snapshot", "$.context.outputs.report"],
  ["snapshot", "$.context.outputs.log"],
] as const;

/** Runs say where their results are: from now on where `placeOf` says. */
export function moveOutputs(
  file: string,
  placeOf: (runId: string, present: string) => string,
): void {
  try {
    withDatabase(file, { readOnly: false }, (db) => {
      db.exec("BEGIN IMMEDIATE");
      for (const [column, path] of OUTPUT_PATHS) {
        const stands = db.prepare(
          `SELECT run_id, json_extract(${column}, '${path}') AS present FROM runs
           WHERE json_valid(${column}) AND json_type(${column}, '${path}') = 'text'`,
        );
        const move = db.prepare(
          `UPDATE runs SET ${column} = json_set(${column}, '${path}', ?) WHERE run_id = ?`,
        );
        for (const { run_id, present } of stands.all() as { run_id: string; present: string }[]) {
          const place = placeOf(run_id, present);
          if (place !== present) move.run(place, run_id);
        }
      }
      db.exec("COMMIT");
    });
  } catch (thrown) {
    throw unusable(file, thrown);
  }
}
