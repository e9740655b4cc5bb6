import type { SQLInputValue } from "node:sqlite";
import type { RunReader, RunShare, ShareStore } from "./index.ts";

export const SHARES_SCHEMA = `
CREATE TABLE IF NOT EXISTS shares (
  run_id TEXT NOT NULL,
  user TEXT NOT NULL,
  shared_by TEXT NOT NULL,
  shared_at INTEGER NOT NULL,
  PRIMARY KEY (run_id, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shares_with ON shares (user, shared_at, run_id);
`;

export type Prepare = <Row>(
  sql: string,
) => (values: Readonly<Record<string, SQLInputValue>>) => Promise<Row[]>;

export function sqliteShares(prepare: Prepare): ShareStore {
  const share = prepare(
    "INSERT INTO shares (run_id, user, shared_by, shared_at) VALUES (:run_id, :user, :shared_by, :shared_at) ON CONFLICT DO NOTHING",
  );
  const unshare = prepare(
    "DELETE FROM shares WHERE run_id = :run_id AND user = :user RETURNING run_id",
  );
  const sharesOf = prepare<RunShare>("SELECT * FROM shares WHERE run_id = :run_id ORDER BY user");
  const sharedWith = prepare<RunShare>(
    "SELECT * FROM shares WHERE user = :user ORDER BY shared_at DESC, run_id DESC LIMIT :limit",
  );
  const standing = prepare<RunShare>(
    `SELECT * FROM shares WHERE (run_id, user) IN
       (SELECT value ->> 0, value ->> 1 FROM json_each(:readers))`,
  );
  const forgetOf = prepare(
    "DELETE FROM shares WHERE run_id IN (SELECT value FROM json_each(:run_ids))",
  );
  const forgetWith = prepare("DELETE FROM shares WHERE user = :user RETURNING run_id");
  const pairs = (readers: readonly RunReader[]): string =>
    JSON.stringify(readers.map(({ run_id, user }) => [run_id, user]));
  return {
    share: async ({ run_id, user, shared_by, shared_at }) =>
      void (await share({ run_id, user, shared_by, shared_at })),
    unshare: async ({ run_id, user }) => (await unshare({ run_id, user })).length > 0,
    sharesOf: (run_id) => sharesOf({ run_id }),
    sharedWith: (user, limit) => sharedWith({ user, limit }),
    standingShares: (readers) => standing({ readers: pairs(readers) }),
    forgetSharesOf: async (runIds) => void (await forgetOf({ run_ids: JSON.stringify(runIds) })),
    forgetSharesWith: async (user) => (await forgetWith({ user })).length,
  };
}
