import { toHaystackError } from "../../errors.ts";
import type { MailService } from "../../services/mail/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import type { OutboxEntry } from "../../services/runs/index.ts";
import type { ComposeMail } from "./compose-mail.ts";
import type { Instruments } from "../instruments.ts";

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;
/** Attempts with these pauses span a day; then the mail counts as rejected. */
const MOST_ATTEMPTS = 32;

export interface DeliveryPorts {
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
  ports: DeliveryPorts,
  document: RunDocument,
  entry: OutboxEntry,
): Promise<OutboxEntry> {
  const started_at = ports.now();
  const result = await attempt(ports, document, entry);
  ports.tried?.({ run_id: document.run_id, entry: result, started_at, ended_at: ports.now() });
  return result;
}

async function attempt(
  { service, compose, now }: DeliveryPorts,
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
