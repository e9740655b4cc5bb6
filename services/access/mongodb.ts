import { given } from "../../given.ts";
import { guarded, newClient } from "../runs/mongodb/client.ts";
import { toStoreError } from "../runs/mongodb/errors.ts";
import { nextAuditId } from "./audit-id.ts";
import type { AccessStore, AccessToken, AuditEntry, AuditRecord } from "./index.ts";
import { mongodbShares, SHARES_INDEXES, type StoredShare } from "./mongodb-shares.ts";

interface StoredToken extends Omit<AccessToken, "id"> {
  readonly _id: string;
  readonly hash: string;
}

interface StoredAudit extends AuditEntry {
  readonly _id: string;
}

const toToken = ({
  _id,
  owner,
  role,
  created_at,
  expires_at,
  revoked_at,
}: StoredToken): AccessToken => ({ id: _id, owner, role, created_at, expires_at, revoked_at });

const toAudit = ({
  _id,
  at,
  who,
  credential,
  from,
  action,
  target,
  outcome,
}: StoredAudit): AuditRecord => ({
  id: _id,
  at,
  who,
  credential,
  ...given({ from }),
  action,
  target,
  outcome,
});

/**
 * Tokens, shares and audit log in the database of the runs, shared by all daemons. Errors: CONFIG_INVALID,
 * STORE_UNAVAILABLE.
 */
export async function openMongoAccess({
  uri,
  database,
}: {
  readonly uri: string;
  readonly database: string;
}): Promise<AccessStore> {
  const client = newClient(uri);
  const tokens = client.db(database).collection<StoredToken>("access_tokens");
  const audit = client.db(database).collection<StoredAudit>("access_audit");
  const shares = client.db(database).collection<StoredShare>("access_shares");
  try {
    await shares.createIndexes([...SHARES_INDEXES]);
    await tokens.createIndexes([{ name: "hash", key: { hash: 1 }, unique: true }]);
    await audit.createIndexes([
      { name: "newest", key: { at: -1, _id: -1 } },
      { name: "newest_of_target", key: { target: 1, at: -1, _id: -1 } },
    ]);
  } catch (thrown) {
    await client.close();
    throw toStoreError(thrown);
  }
  return {
    ...mongodbShares(shares),
    insertToken: ({ id, owner, role, created_at, expires_at, revoked_at }, hash) =>
      guarded(
        async () =>
          void (await tokens.insertOne({
            _id: id,
            hash,
            owner,
            role,
            created_at,
            expires_at,
            revoked_at,
          })),
      ),
    findToken: (hash) =>
      guarded(async () => {
        const found = await tokens.findOne({ hash: { $eq: hash } });
        return found === null ? undefined : toToken(found);
      }),
    tokensOf: (ids) =>
      guarded(async () => (await tokens.find({ _id: { $in: [...ids] } }).toArray()).map(toToken)),
    listTokens: () =>
      guarded(async () =>
        (await tokens.find().sort({ created_at: -1, _id: -1 }).toArray()).map(toToken),
      ),
    revokeToken: (id, at) =>
      guarded(async () => {
        await tokens.updateOne({ _id: id, revoked_at: null }, { $set: { revoked_at: at } });
        const stands = await tokens.findOne({ _id: id });
        return stands === null ? undefined : toToken(stands);
      }),
    recordAudit: ({ at, who, credential, from, action, target, outcome }) =>
      guarded(
        async () =>
          void (await audit.insertOne({
            _id: nextAuditId(),
            at,
            who,
            credential,
            ...given({ from }),
            action,
            target,
            outcome,
          })),
      ),
    listAudit: ({ limit, target, before }) =>
      guarded(async () => {
        const ofTarget = target === undefined ? {} : { target };
        const earlier =
          before === undefined
            ? {}
            : { $or: [{ at: { $lt: before.at } }, { at: before.at, _id: { $lt: before.id } }] };
        return (
          await audit
            .find({ ...ofTarget, ...earlier })
            .sort({ at: -1, _id: -1 })
            .limit(limit ?? 100)
            .toArray()
        ).map(toAudit);
      }),
    forgetAudit: (before) =>
      guarded(async () => (await audit.deleteMany({ at: { $lt: before } })).deletedCount),
    close: () => client.close(),
  };
}
