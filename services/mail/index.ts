import type { Failures } from "../../each-apart.ts";

/**
 * Port: deliver one mail. Idempotency by `key` where the adapter can (a file name, a message id).
 */
export interface Mail {
  /** Unique per owed mail, e.g. "{run_id}.run_completed.1". */
  readonly key: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface MailService {
  /** Errors: MAIL_REJECTED (permanent), MAIL_UNAVAILABLE (try later). */
  send(mail: Mail, signal?: AbortSignal): Promise<void>;
  /** Removes the mails that lie here, by key, and tells of those that it cannot. Absent where none do. */
  forget?(isMeant: (key: string) => boolean): Promise<Failures | undefined>;
  /**
   * Rejects as `send` does unless mails can be sent with this account. Absent where nothing can be
   * wrong.
   */
  check?(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
