/** Rows as they pass between the store and the thread that owns the connection. */

export interface RunRow {
  readonly run_id: string;
  readonly user_email: string | null;
  readonly created_at: string;
  readonly revision: number;
  readonly status: string;
  readonly document: string;
  readonly snapshot: string | null;
  readonly machine: string | null;
  readonly outbox: string;
  readonly wake_at: number | null;
  readonly lease_owner: string | null;
  readonly lease_token: number;
  readonly lease_expires_at: number | null;
  readonly priority: number;
  readonly take_ups: number;
  readonly set_aside: string | null;
  readonly inbox: readonly InboxRow[];
}

/** What a document is shown from. */
export type DocumentRow = Pick<
  RunRow,
  "run_id" | "user_email" | "created_at" | "status" | "document" | "revision" | "set_aside"
>;

export interface ChangesRow extends DocumentRow {
  readonly has_events: number;
  readonly history: readonly string[];
}

export interface InboxRow {
  readonly id: string;
  readonly event: string;
}

export interface CommitRow {
  readonly run_id: string;
  readonly revision: number;
  readonly token: number;
  readonly expected_status: string;
  readonly status: string;
  readonly document: string;
  readonly snapshot: string;
  readonly machine: string;
  readonly outbox: string;
  readonly wake_at: number | null;
  readonly attention_at: number | null;
  readonly consumed: readonly string[];
  /** The entries of the transition log as one JSON array; null when there are none. */
  readonly history: string | null;
}

export interface InsertRow {
  readonly run_id: string;
  readonly status: string;
  readonly user_email: string | null;
  readonly created_at: string;
  readonly document: string;
  readonly lease_owner: string | null;
  readonly lease_token: number;
  readonly lease_expires_at: number | null;
}

/** What a run of another program becomes. */
export interface TakenInRow {
  readonly run_id: string;
  readonly status: string;
  readonly document: string;
  readonly outbox: string;
  readonly attention_at: number | null;
  readonly history: string | null;
}
