import { toHaystackError } from "../../errors.ts";
import type { MailService } from "../../services/mail/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { OutboxEntry } from "../../services/runs/index.ts";
import type { ComposeMail } from "./compose-mail.ts";
import type { Instruments } from "../instruments.ts";

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;
/** Attempts with these pauses span a day; then the mail is given up and shown as rejected. */
const MOST_ATTEMPTS = 32;

export interface MailRoom {
  readonly service: MailService;
  readonly compose: ComposeMail;
  readonly now: () => number;
  readonly tried?: NonNullable<Instruments["mailTried"]>;
}

/**
 * Sends one owed mail and returns what becomes of its outbox entry. A run never fails because of
 * mail: nothing is thrown.
 */
export async function deliverMail(
  room: MailRoom,
  document: RunDocument,
  entry: OutboxEntry,
): Promise<OutboxEntry> {
  const started_at = room.now();
  const result = await attempt(room, document, entry);
  room.tried?.({ run_id: document.run_id, entry: result, started_at, ended_at: room.now() });
  return result;
}

async function attempt(
  { service, compose, now }: MailRoom,
  document: RunDocument,
  entry: OutboxEntry,
): Promise<OutboxEntry> {
  const attempts = entry.attempts + 1;
  try {
    await service.send(await compose(document, entry));
    return { ...entry, state: "sent", attempts, problem: null };
  } catch (thrown) {
    const error = toHaystackError(thrown);
    if (!error.retryable || attempts >= MOST_ATTEMPTS)
      return { ...entry, state: "rejected", attempts, problem: error.message };
    const asked = error.details?.["retry_after_ms"];
    const pause = Math.min(
      Math.max(FIRST_RETRY_MS * 2 ** (attempts - 1), typeof asked === "number" ? asked : 0),
      LONGEST_RETRY_MS,
    );
    return { ...entry, attempts, due_at: now() + pause, problem: error.message };
  }
}
