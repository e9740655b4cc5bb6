import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** Statements by their text: prepared once, in transactions that may hold others. */
export interface Sql {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the row's shape is the statement's, known to its caller
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[];
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the same
  first<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined;
  /** How many rows it changed. */
  change(sql: string, ...values: SQLInputValue[]): number;
  /** All or nothing; inside another such work, a part of it that can fail alone. */
  atomically<Result>(work: () => Result): Result;
}

/** Attention stays due while the inbox holds an event. */
export const ATTENTION = (otherwise: string): string =>
  `CASE WHEN EXISTS (SELECT 1 FROM inbox WHERE inbox.run_id = runs.run_id AND consumed = 0) THEN 0 ELSE ${otherwise} END`;
/** Another program has written the status since the last commit. */
export const CHANGED_OUTSIDE = "outside_change = 1";

/**
 * Runs of other programs that no host would find by themselves: with work to do and no attention
 * asked, or with a status that there is not.
 */
export const LEFT = `attention_at IS NULL AND set_aside IS NULL
  AND (status NOT IN ('pending', 'completed', 'failed', 'cancelled') OR (status = 'cancelled' AND revision = 0))`;

export function sqlOf(db: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    let found = prepared.get(sql);
    if (found === undefined) prepared.set(sql, (found = db.prepare(sql)));
    return found;
  };
  return {
    all: <Row>(sql: string, ...values: SQLInputValue[]): Row[] =>
      statement(sql).all(...values) as Row[],
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as of the interface
    first: <Row>(sql: string, ...values: SQLInputValue[]): Row | undefined =>
      statement(sql).get(...values) as Row | undefined,
    change: (sql, ...values) => Number(statement(sql).run(...values).changes),
    atomically(work) {
      const [begin, commit, undo] = db.isTransaction
        ? ["SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part"]
        : ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"];
      db.exec(begin);
      try {
        const result = work();
        db.exec(commit);
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec(undo);
        throw error;
      }
    },
  };
}

/** A field of the document, by its path; what is no JSON has none. */
export const fieldOf = (path: string): string =>
  `CASE WHEN json_valid(document) THEN json_extract(document, '$.${path}') END`;
