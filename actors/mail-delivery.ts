import { toHaystackError } from "../errors.ts";
import type { MailService } from "../services/mail/index.ts";
import type { RunDocument } from "../services/runs/document.ts";
import type { OutboxEntry } from "../services/runs/index.ts";
import type { ComposeMail } from "./compose-mail.ts";

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;
/** Attempts with these pauses span a day; then the mail is given up and shown as rejected. */
const MOST_ATTEMPTS = 32;

export interface MailRoom {
  readonly service: MailService;
  readonly compose: ComposeMail;
  readonly now: () => number;
}

/** Sends one owed mail and returns what becomes of its outbox entry. A run never fails because of mail: nothing is thrown. */
export async function deliverMail({ service, compose, now }: MailRoom, document: RunDocument, entry: OutboxEntry): Promise<OutboxEntry> {
  const attempts = entry.attempts + 1;
  try {
    await service.send(await compose(document, entry));
    return { ...entry, state: "sent", attempts, problem: null };
  } catch (thrown) {
    const error = toHaystackError(thrown);
    if (!error.retryable || attempts >= MOST_ATTEMPTS) return { ...entry, state: "rejected", attempts, problem: error.message };
    const pause = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
    return { ...entry, attempts, due_at: now() + pause, problem: error.message };
  }
}
