/**
 * Port: named immutable objects. Paths are relative, `/`-separated, without `..`; a path names one
 * content for ever.
 */
export interface ObjectRef {
  readonly path: string;
  readonly sha256: string;
}

export interface ObjectStat {
  readonly path: string;
  readonly size: number;
  /** Another one as soon as the object was replaced. */
  readonly version: string;
}

/** An object as it is now; `checksum` is its CRC32C in base64. */
export interface KeptObject extends ObjectStat {
  readonly checksum: string;
}

export interface ObjectStore {
  /** Whether `fetch` copies objects from elsewhere, whole, so that many small ones cost less. */
  readonly isElsewhere: boolean;
  /**
   * Stores the file under the path. Present with the same content: success, nothing written.
   * Present with other content: replaced (steps are idempotent by name; a repeated attempt may
   * write anew). Atomic: readers see the old or the new object, never a part.
   */
  put(path: string, localFile: string, signal?: AbortSignal): Promise<ObjectRef>;
  putText(path: string, text: string, signal?: AbortSignal): Promise<ObjectRef>;
  /**
   * A local, read-only file with the object's bytes. Error OBJECT_NOT_FOUND; OBJECT_DAMAGED when
   * `ref.sha256` does not match.
   */
  fetch(ref: ObjectRef | { readonly path: string }, signal?: AbortSignal): Promise<string>;
  /** Undefined when absent. */
  stat(path: string): Promise<ObjectStat | undefined>;
  /** Sorted paths; none where no path can start so. */
  list(prefix: string): AsyncIterable<string>;
  /** Absent where objects are files of this machine. */
  inventory?(prefix: string): AsyncIterable<KeptObject>;
  /** For good, when it returns; one that is absent is no error. */
  remove(path: string, signal?: AbortSignal): Promise<void>;
  /** Where a person finds the object: a file path or a gs:// URL. */
  location(path: string): string;
  /**
   * A URL by which anyone may download the object for so many seconds (up to twelve hours). Absent
   * where the store has none.
   */
  signedUrl?(path: string, seconds: number): Promise<string>;
  /** A path of a fresh local folder for half-written work; removed by the caller. */
  scratch(): Promise<string>;
  close(): Promise<void>;
}
