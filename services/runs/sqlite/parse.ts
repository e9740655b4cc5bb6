import {
  isEntry,
  readDocument,
  readEvent,
  readPrivate,
  readSetAside,
  shownAside,
  shownId,
} from "../damage.ts";
import { wasRefused, type RunDocument } from "../document.ts";
import type { Lease, OutboxEntry, RunRecord, TransitionEntry } from "../index.ts";
import type { DocumentRow, RunRow } from "./rows.ts";

/** Rows as records of the port; what cannot be read of them is said, never thrown. */

function json(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const objectOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  const value = json(text);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
};

const NOT_JSON = "the document is not a JSON object";

/** What the columns say, where the document does not. */
const columnsOf = ({ run_id, user_email, created_at, status }: DocumentRow) => ({
  run_id,
  user_email,
  created_at,
  status,
});

const readRow = (row: DocumentRow) => {
  const stored = objectOf(row.document);
  const { status, ...columns } = columnsOf(row);
  const read = readDocument({ ...(stored ?? columns), status }, shownId(row.run_id, row.run_id));
  return stored === undefined ? { ...read, kept: read.document, damage: NOT_JSON } : read;
};

const asideOf = ({ set_aside }: Pick<RunRow, "set_aside">) =>
  set_aside === null ? undefined : readSetAside(json(set_aside));

export function shownRow(row: DocumentRow): RunDocument {
  const { document } = readRow(row);
  const aside = asideOf(row);
  return aside === undefined ? document : shownAside(document, aside);
}

export const parseLease = (
  row: Pick<RunRow, "lease_owner" | "lease_token" | "lease_expires_at">,
): Lease | null =>
  row.lease_owner === null || row.lease_expires_at === null
    ? null
    : { owner: row.lease_owner, token: row.lease_token, expires_at: row.lease_expires_at };

export const parseOutbox = (outbox: string): readonly OutboxEntry[] =>
  readPrivate({
    snapshot: null,
    machine: null,
    revision: 0,
    lease: null,
    wake_at: null,
    priority: 0,
    outbox: json(outbox),
  }).part.outbox;

export const parseEntries = (text: string): TransitionEntry[] => {
  const entries = json(text);
  return Array.isArray(entries) ? entries.filter(isEntry) : [];
};

function readWhole(row: RunRow): { readonly record: RunRecord; readonly kept: RunDocument } {
  const { document, kept, damage } = readRow(row);
  const { part, damage: inPart } = readPrivate({
    snapshot: row.snapshot,
    machine: json(row.machine),
    revision: row.revision,
    lease: parseLease(row),
    wake_at: row.wake_at,
    outbox: json(row.outbox),
    priority: row.priority,
  });
  const inbox = row.inbox.flatMap(({ id, event }) => readEvent(id, event) ?? []);
  const inInbox = inbox.length < row.inbox.length ? "an event of its inbox is none" : null;
  const isRefused = wasRefused({ ...kept, snapshot: row.snapshot });
  const problems = [isRefused ? null : damage, inPart, inInbox].filter(
    (problem) => problem !== null,
  );
  const aside = asideOf(row);
  const record = {
    document: aside === undefined ? document : shownAside(document, aside),
    ...part,
    inbox,
    ...(problems.length === 0 ? {} : { damage: problems.join("; ") }),
    ...(aside === undefined ? {} : { set_aside: aside }),
  };
  return {
    record,
    kept: isRefused
      ? { ...(objectOf(row.document) as unknown as RunDocument), status: "failed" }
      : kept,
  };
}

export const parseRow = (row: RunRow): RunRecord => readWhole(row).record;

/** As it is stored, for who hosts it. */
export function hostableRow(row: RunRow): RunRecord {
  const { record, kept } = readWhole(row);
  const fruitless = row.take_ups;
  return { ...record, document: kept, ...(fruitless > 0 ? { fruitless } : {}) };
}

/** Another program inserted it, and no host has had it. */
export const isOutsideRow = ({ revision, snapshot, document }: RunRow): boolean =>
  revision === 0 && snapshot === null && objectOf(document) !== undefined;

export const outsideOf = (row: RunRow): Readonly<Record<string, unknown>> => {
  const { run_id, status, ...columns } = columnsOf(row);
  return { ...columns, ...objectOf(row.document), run_id, status };
};
