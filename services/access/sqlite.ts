import { closeSync, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { given } from "../../given.ts";
import { HaystackError } from "../../errors.ts";
import { systemWords } from "../../system-words.ts";
import { setDurable, underLock } from "../runs/sqlite/durable.ts";
import { nextAuditId } from "./audit-id.ts";
import type { AccessStore, AccessToken, AuditRecord } from "./index.ts";
import { type Prepare, SHARES_SCHEMA, sqliteShares } from "./sqlite-shares.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tokens (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('user', 'admin')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

CREATE TABLE IF NOT EXISTS audit (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  credential TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audit_newest ON audit (at, id);
CREATE INDEX IF NOT EXISTS audit_target ON audit (target, at, id);
${SHARES_SCHEMA}`;

const TOKEN = "id, owner, role, created_at, expires_at, revoked_at";

/**
 * Tokens, shares and audit log in one SQLite file. Its operations take microseconds, so they have no thread
 * of their own.
 */
export async function openSqliteAccess({ file }: { readonly file: string }): Promise<AccessStore> {
  const attempt = async <Result>(work: () => Result): Promise<Result> => {
    try {
      return work();
    } catch (thrown) {
      throw new HaystackError(
        "STORE_UNAVAILABLE",
        `The token and audit store ${file} cannot be used (${systemWords(thrown) ?? "it failed"}); check the file and its folder.`,
        { cause: thrown },
      );
    }
  };
  await mkdir(dirname(file), { recursive: true });
  const db = await attempt(() => {
    closeSync(openSync(file, "a", 0o600));
    const opened = new DatabaseSync(file);
    setDurable(opened);
    opened.exec(SCHEMA);
    const lacksSource = (): boolean =>
      opened.prepare("SELECT 1 FROM pragma_table_info('audit') WHERE name = 'source'").get() ===
      undefined;
    // Not there in stores of earlier releases; another process may be adding it.
    if (lacksSource())
      underLock(opened, () => {
        if (lacksSource()) opened.exec("ALTER TABLE audit ADD COLUMN source TEXT");
      });
    return opened;
  });
  const prepare: Prepare = <Row>(sql: string) => {
    const statement = db.prepare(sql);
    return (values: Readonly<Record<string, SQLInputValue>>): Promise<Row[]> =>
      attempt(() => statement.all({ ...values }).map((row) => ({ ...row }) as Row));
  };
  const insertToken = prepare(
    `INSERT INTO tokens (hash, ${TOKEN}) VALUES (:hash, :id, :owner, :role, :created_at, :expires_at, :revoked_at)`,
  );
  const findToken = prepare<AccessToken>(`SELECT ${TOKEN} FROM tokens WHERE hash = :hash`);
  const tokensOf = prepare<AccessToken>(
    `SELECT ${TOKEN} FROM tokens WHERE id IN (SELECT value FROM json_each(:ids))`,
  );
  const listTokens = prepare<AccessToken>(
    `SELECT ${TOKEN} FROM tokens ORDER BY created_at DESC, id DESC`,
  );
  const revokeToken = prepare<AccessToken>(
    `UPDATE tokens SET revoked_at = coalesce(revoked_at, :at) WHERE id = :id RETURNING ${TOKEN}`,
  );
  const insertAudit = prepare(
    "INSERT INTO audit (id, at, who, credential, source, action, target, outcome) VALUES (:id, :at, :who, :credential, :source, :action, :target, :outcome)",
  );
  const listAudit = prepare<Omit<AuditRecord, "from"> & { readonly source: string | null }>(
    "SELECT * FROM audit WHERE (:target IS NULL OR target = :target) AND (:at IS NULL OR (at, id) < (:at, :id)) ORDER BY at DESC, id DESC LIMIT :limit",
  );
  const forgetAudit = prepare("DELETE FROM audit WHERE at < :before RETURNING id");
  return {
    ...sqliteShares(prepare),
    insertToken: async ({ id, owner, role, created_at, expires_at, revoked_at }, hash) =>
      void (await insertToken({ hash, id, owner, role, created_at, expires_at, revoked_at })),
    findToken: async (hash) => (await findToken({ hash }))[0],
    tokensOf: (ids) => tokensOf({ ids: JSON.stringify(ids) }),
    listTokens: () => listTokens({}),
    revokeToken: async (id, at) => (await revokeToken({ id, at }))[0],
    recordAudit: async ({ at, who, credential, from, action, target, outcome }) =>
      void (await insertAudit({
        id: nextAuditId(),
        at,
        who,
        credential,
        source: from ?? null,
        action,
        target,
        outcome,
      })),
    listAudit: async ({ limit, target, before }) =>
      (
        await listAudit({
          target: target ?? null,
          at: before?.at ?? null,
          id: before?.id ?? null,
          limit: limit ?? 100,
        })
      ).map(({ source, ...record }) => ({ ...record, ...given({ from: source ?? undefined }) })),
    forgetAudit: async (before) => (await forgetAudit({ before })).length,
    async close() {
      db.close();
    },
  };
}
