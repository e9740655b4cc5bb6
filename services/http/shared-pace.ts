import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * A rate that all processes of a machine keep together: a service counts the requests of a key, not
 * those of a process. Each takes the next free moment from a file, and waits for it.
 */
export interface Pace {
  /** How long to wait for one's turn, in milliseconds. */
  next(): number;
}

export interface PaceOptions {
  readonly file: string;
  /** What is counted together. */
  readonly name: string;
  readonly perSecond: number;
  readonly now: () => number;
}

/** Longer queues there are none: the clock was set back. */
const LONGEST_MS = 60_000;
const BUSY_MS = 5_000;

const TAKE = `
  INSERT INTO pace (name, free_at) VALUES (:name, :now + :each)
  ON CONFLICT (name) DO UPDATE SET free_at = :each + CASE
    WHEN free_at BETWEEN :now AND :now + ${LONGEST_MS} THEN free_at ELSE :now END
  RETURNING free_at`;

/** By SQLite's result codes: the file is damaged, or is none of SQLite's. */
const DAMAGED: ReadonlySet<unknown> = new Set([11, 26]);
const isDamaged = (thrown: unknown): boolean =>
  thrown instanceof Error && "errcode" in thrown && DAMAGED.has(thrown.errcode);

/** Errors of SQLite where the file cannot be used; one that is damaged is begun anew. */
export function sharedPace({ file, name, perSecond, now }: PaceOptions): Pace {
  const each = 1_000 / perSecond;
  const take = (): number => {
    const database = new DatabaseSync(file, { timeout: BUSY_MS });
    try {
      database.exec("CREATE TABLE IF NOT EXISTS pace (name TEXT PRIMARY KEY, free_at REAL) STRICT");
      const at = now();
      const taken = database.prepare(TAKE).get({ name, now: at, each });
      return Math.max(0, Number(taken?.["free_at"]) - each - at);
    } finally {
      database.close();
    }
  };
  return {
    next() {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      try {
        return take();
      } catch (thrown) {
        if (!isDamaged(thrown)) throw thrown;
        rmSync(file, { force: true });
        return take();
      }
    },
  };
}
