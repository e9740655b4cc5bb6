import type { ErrorCode } from "../../errors.ts";
import type { RunDocument, RunStatus } from "./document.ts";
import type {
  InboxEvent,
  OutboxEntry,
  TransitionEntry,
  RunRecord,
  SetAside,
  StuckRun,
  RunMail,
  RunCommit,
  CommitOutcome,
  RunStanding,
  RunChanges,
  JournalEntry,
} from "./stored-run.ts";

export type {
  Lease,
  InboxEvent,
  OutboxEntry,
  TransitionEntry,
  RunRecord,
  SetAside,
  StuckRun,
  RunMail,
  RunCommit,
  CommitOutcome,
  RunStanding,
  RunChanges,
  JournalEntry,
} from "./stored-run.ts";

/**
 * Port: run documents. One run is one document; every change of state is one compare-and-set (D1,
 * D3).
 */

export interface RunFilter {
  readonly status?: RunStatus;
  readonly user_email?: string;
  /** Only these. */
  readonly run_ids?: readonly string[];
  /** Only runs whose question or name contains this; capital and small letters are the same. */
  readonly text?: string;
  /** Only runs whose id begins so. */
  readonly id?: string;
  /** Only runs that have all of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Only runs that failed with this error. */
  readonly failed_with?: ErrorCode;
  /** ISO 8601: only runs created at that time or later, and only those created before. */
  readonly created_from?: string;
  readonly created_until?: string;
  readonly limit?: number;
  /** Only runs created before this one (newest first). */
  readonly before?: { readonly created_at: string; readonly run_id: string };
}

export interface ClaimRequest {
  readonly owner: string;
  readonly now: number;
  readonly lease_ms: number;
  readonly limit: number;
  /** Claim just this run. */
  readonly run_id?: string;
  /** Claim queued runs of this user, oldest first; without it queued runs are left in the queue. */
  readonly queued_of?: string | null;
  /** Only runs whose last claim ended its process, or only the others; both without it. */
  readonly suspects?: boolean;
}

/** What one user has in the store: running or being admitted, and waiting for admission. */
export interface UserLoad {
  readonly user_email: string | null;
  readonly active: number;
  /** At most COUNTED_QUEUE. */
  readonly queued: number;
  /** When the user's oldest queued run was created; ISO 8601. */
  readonly queued_since: string | null;
}

export interface UserUse {
  /** All of them, other than in a load. */
  readonly queued: number;
  readonly gpu_cost_usd: number;
  /** What jobs under way of those that run may yet cost. */
  readonly gpu_reserved_usd: number;
}

/** How the stored runs stand. */
export interface RunCounts {
  readonly by_status: Readonly<Record<RunStatus, number>>;
  /**
   * Running, and held by no daemon: out of memory until an event or a time, or left by a daemon
   * that is gone.
   */
  readonly unhosted: number;
  /** With an event that is not yet consumed. */
  readonly with_events: number;
  readonly set_aside: number;
}

/** Longer queues are counted as this long. */
export const COUNTED_QUEUE = 1_000;

/** Which daemons are there that take runs from the queue. */
export interface DaemonPresence {
  /** The daemon is there until a time, in milliseconds. */
  renew(owner: string, now: number, expiresAt: number): Promise<void>;
  end(owner: string): Promise<void>;
  isAnyThere(now: number): Promise<boolean>;
}

/** A run that has ended and asks for nothing: no host, no event, no owed mail. */
export interface EndedRun {
  readonly run_id: string;
  readonly user_email: string | null;
  readonly status: RunStatus;
  readonly created_at: string;
}

/** A run that left something outside of the store that is still to go. */
export interface Leftover {
  readonly run_id: string;
  /** The run stands, and its results with it. */
  readonly keeps_results: boolean;
}

/**
 * Takes runs out of the store. What a run left elsewhere is remembered with the removal itself, so
 * that a crash in between leaves nothing behind for good.
 */
export interface RunRemoval {
  /**
   * Ended before a time (ISO 8601), the first created first; beyond `after` when it is given. With
   * `unpruned` only those whose working files are still there.
   */
  ended(request: {
    readonly ended_before: string;
    readonly unpruned: boolean;
    readonly limit: number;
    readonly after?: Pick<EndedRun, "created_at" | "run_id">;
  }): Promise<EndedRun[]>;
  /**
   * Removes the run with its log, events and journal; or, to keep the results, its journal alone,
   * and dates that in `pruned_at`. `busy`: it has not ended, or asks for something.
   */
  remove(request: {
    readonly run_id: string;
    readonly keeps_results: boolean;
    readonly now: number;
  }): Promise<"removed" | "busy" | "unknown_run">;
  leftovers(limit: number): Promise<Leftover[]>;
  /** Nothing is left of that removal. */
  cleared(runId: string): Promise<void>;
}

/**
 * What daemons decide on together, by name: whoever replaces it has seen what stands. Small plain
 * JSON.
 */
export interface SharedNotes {
  /** Revision 0 and undefined where nothing was written yet. */
  get(name: string): Promise<{ readonly revision: number; readonly value: unknown }>;
  /** False: another value has come in between, and nothing was written. */
  replace(name: string, revision: number, value: unknown): Promise<boolean>;
}

export interface RunStore {
  readonly removal: RunRemoval;
  readonly shared: SharedNotes;
  /** Create-only: RUN_EXISTS. With `lease` the inserting process hosts it from the start. */
  insert(
    document: RunDocument,
    lease?: { readonly owner: string; readonly expires_at: number },
  ): Promise<void>;
  get(runId: string): Promise<RunRecord | undefined>;
  /** Newest first. */
  list(filter: RunFilter): Promise<RunDocument[]>;
  /** Of those of the runs that there are. */
  standings(runIds: readonly string[]): Promise<RunStanding[]>;
  history(runId: string): Promise<TransitionEntry[]>;
  /**
   * Those of the runs whose revision is beyond the given one, in one round trip; -1 asks for the
   * run in any case.
   */
  changes(
    since: readonly { readonly run_id: string; readonly revision: number }[],
  ): Promise<RunChanges[]>;
  /**
   * Leases runs that need a host and have none: attention due (an unconsumed inbox event makes it
   * so), lease absent or expired. Runs with events are claimed first and alone: claim until nothing
   * is left. A queued run asks for no attention and is claimed by `queued_of`; with an event, or
   * once dispatched, it is no longer in the queue. Runs of other programs are completed, or refused
   * as CONFIG_INVALID; runs that are set aside are left.
   */
  claim(request: ClaimRequest): Promise<RunRecord[]>;
  /**
   * Takes a run from whoever hosts it, and from all claims. With a token only while that is the
   * lease's. False when there is no such run, or it is set aside already.
   */
  setAside(
    runId: string,
    why: Omit<SetAside, "was"> & { readonly token?: number },
  ): Promise<boolean>;
  /** It is claimed again. False when no such run is set aside. */
  unsetAside(runId: string): Promise<boolean>;
  /** It stays set aside, as cancelled. False when no such run is set aside. */
  cancelAside(runId: string): Promise<boolean>;
  /** Runs that are set aside, the newest first. */
  setAsides(limit: number): Promise<RunRecord[]>;
  /** Everything that is stored of a run as it stands, as plain JSON. */
  raw(runId: string): Promise<unknown>;
  /** False: there is no such run. */
  setPriority(runId: string, priority: number): Promise<boolean>;
  /**
   * Runs that were due before a time and that nobody claimed, that hold an event stored before it,
   * that have a rejected mail, or that are set aside; and cancelled ones that have something left to
   * do, such as to stop their jobs.
   */
  stuck(request: { readonly before: number; readonly limit: number }): Promise<StuckRun[]>;
  /** Mails in that state, of any run. */
  mails(request: {
    readonly state: OutboxEntry["state"];
    readonly limit: number;
  }): Promise<RunMail[]>;
  /** Users that have active or queued runs. */
  loads(now: number): Promise<UserLoad[]>;
  counts(now: number): Promise<RunCounts>;
  /** What a user has waiting, and has spent on the runs created since (ISO 8601). */
  usedBy(user_email: string | null, since: string): Promise<UserUse>;
  /** Ends the leases of an earlier process of the same name, which is known to be gone. */
  takeOver(owner: string): Promise<void>;
  /** Renews in one write; returns the run ids that were still ours. */
  renew(
    owner: string,
    leases: readonly { readonly run_id: string; readonly token: number }[],
    expiresAt: number,
  ): Promise<string[]>;
  /**
   * Ends leases before their time. With `attention_at` the run also asks for no host until then
   * (D11), unless its inbox holds an event by now.
   */
  release(
    leases: readonly {
      readonly run_id: string;
      readonly token: number;
      readonly attention_at?: number | null;
    }[],
  ): Promise<void>;
  /**
   * All commits of a tick in one round trip (D12); the outcome of each, in order. Nothing of a run
   * that is set aside is written. Errors: STORE_UNAVAILABLE.
   */
  commit(commits: readonly RunCommit[]): Promise<CommitOutcome[]>;
  /**
   * Stores an event before it is acknowledged to its source (D5). `duplicate` covers consumed ids
   * too.
   */
  deliver(runId: string, event: InboxEvent): Promise<"stored" | "duplicate" | "unknown_run">;
  /** Unconsumed events and outside cancellations of runs leased by the owner. */
  pending(
    owner: string,
  ): Promise<
    { readonly run_id: string; readonly inbox: readonly InboxEvent[]; readonly status: RunStatus }[]
  >;
  /** Journal of costly results (D7): first write wins; returns what stands. */
  journalPut(runId: string, key: string, value: unknown): Promise<unknown>;
  journalGet(runId: string, key: string): Promise<unknown>;
  /** All that is on record for the run, by key. */
  journal(runId: string): Promise<JournalEntry[]>;
  /**
   * Calls back whenever others may have left something that a host looks for, and once it can tell:
   * a reason to look sooner and nothing more, as news may go by untold. Ends with the answer.
   * Absent where the store cannot tell at all.
   */
  hints?(hint: () => void): () => void;
  /** Writes a note of the store's own, on disk when it resolves: whether runs could be written. */
  touch(now: number): Promise<void>;
  /**
   * Reads everything and finds what a fault of the disk did. Absent where a server sees to that.
   * Error STORE_DAMAGED.
   */
  check?(): Promise<void>;
  /** Absent where a lock keeps all daemons but one away, and tells whether that one is there. */
  readonly presence?: DaemonPresence;
  close(): Promise<void>;
}
