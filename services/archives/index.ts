import type { ArchiveKind, Manifest } from "./document.ts";

/**
 * Port: a set of files under one manifest with the checksum of each. It is whole or no archive, and
 * nothing of it is used before it was found to be what was written.
 */

/** What is said of an archive beside its files. */
export type About = Omit<Manifest, "format" | "files" | "left_out" | "sha256">;

export interface ArchiveWriter {
  /**
   * Takes a file in. With `link`, one that is never changed in place is shared with its original in
   * place of copied. False when it has gone meanwhile, which the manifest says. Error
   * ARCHIVE_FAILED.
   */
  add(path: string, source: string, options?: { readonly link?: boolean }): Promise<boolean>;
  /** A file with this text. Error ARCHIVE_FAILED. */
  addText(path: string, text: string): Promise<void>;
  /** The path of a file that `make` makes below the archive; then it is taken in. */
  addMade(path: string, make: (file: string) => Promise<void>): Promise<void>;
  leaveOut(path: string, why: string): void;
  /** Makes it an archive. */
  finish(about: About): Promise<Manifest>;
}

export interface ArchiveReader {
  readonly manifest: Manifest;
  /** The local file, once it is known to be what was written. Error ARCHIVE_INVALID. */
  verified(path: string): Promise<string>;
  /**
   * Copies a file to a path where nothing is. Errors: ARCHIVE_INVALID when it is not what was
   * written, ARCHIVE_FAILED.
   */
  copyTo(path: string, target: string, mode: number): Promise<void>;
  /** Everything that was copied is on disk when this returns. */
  flush(): Promise<void>;
  /** Gives what was copied to a folder its names in another one, and removes the first; on disk. */
  name(from: string, to: string): Promise<void>;
}

export interface Archives {
  /** Errors: FOLDER_OCCUPIED when the folder holds anything, ARCHIVE_FAILED. */
  begin(folder: string): Promise<ArchiveWriter>;
  /**
   * Errors: ARCHIVE_INVALID when the folder holds no whole archive of that kind; ARCHIVE_UNSUPPORTED
   * when a later release made it.
   */
  open(folder: string, kind: ArchiveKind): Promise<ArchiveReader>;
}
