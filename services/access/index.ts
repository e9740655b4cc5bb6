/** Port: who may speak to the server, and what was done with that right. */

export const ROLES = ["user", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** A bearer token as it is known afterwards: the secret itself is nowhere stored. */
export interface AccessToken {
  readonly id: string;
  /** E-mail, lower case. */
  readonly owner: string;
  readonly role: Role;
  /** Milliseconds, as all times here. */
  readonly created_at: number;
  readonly expires_at: number;
  readonly revoked_at: number | null;
}

/** One use of a right that others may ask about later. */
export interface AuditEntry {
  readonly at: number;
  readonly who: string;
  /** Token id, or `iap` or `none`. */
  readonly credential: string;
  /** Network address, or `local`; absent from records of earlier releases. */
  readonly from?: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
}

export interface AuditRecord extends AuditEntry {
  readonly id: string;
}

interface AuditFilter {
  readonly limit?: number;
  readonly target?: string;
  /** Only records before this one (newest first). */
  readonly before?: { readonly at: number; readonly id: string };
}

/** That somebody may read a run of somebody else's. */
export interface RunShare {
  readonly run_id: string;
  /** Who may read it: e-mail, lower case. */
  readonly user: string;
  readonly shared_by: string;
  readonly shared_at: number;
}

export type RunReader = Pick<RunShare, "run_id" | "user">;

/** Errors of all: STORE_UNAVAILABLE. */
export interface AccessStore extends ShareStore {
  /** `hash` is the SHA-256 of the secret, hexadecimal. */
  insertToken(token: AccessToken, hash: string): Promise<void>;
  /** Also tokens that have expired or were revoked: the caller judges. */
  findToken(hash: string): Promise<AccessToken | undefined>;
  /** Those of these ids that there are, as `findToken`. */
  tokensOf(ids: readonly string[]): Promise<AccessToken[]>;
  /** Newest first. */
  listTokens(): Promise<AccessToken[]>;
  /**
   * The token as it stands then; the first revocation counts. Undefined: there is none of that id.
   */
  revokeToken(id: string, at: number): Promise<AccessToken | undefined>;
  recordAudit(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  listAudit(filter: AuditFilter): Promise<AuditRecord[]>;
  /** Lets records of before that time go; how many those were. */
  forgetAudit(before: number): Promise<number>;
  close(): Promise<void>;
}

/** Which runs are shared with whom. Errors of all: STORE_UNAVAILABLE. */
export interface ShareStore {
  /** The first of a run and user stands. */
  share(share: RunShare): Promise<void>;
  /** False: it was not shared. */
  unshare(reader: RunReader): Promise<boolean>;
  /** By user. */
  sharesOf(runId: string): Promise<RunShare[]>;
  /** What others share with a user, the newest first. */
  sharedWith(user: string, limit: number): Promise<RunShare[]>;
  /** Those of these that stand. */
  standingShares(readers: readonly RunReader[]): Promise<RunShare[]>;
  /** Takes back all of these runs. */
  forgetSharesOf(runIds: readonly string[]): Promise<void>;
  /** Takes back all that is shared with a user; how many runs those were. */
  forgetSharesWith(user: string): Promise<number>;
}
