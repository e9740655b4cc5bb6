/** What the operating system and SQLite say when something fails, in our words. */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "there is no permission for it",
  EADDRINUSE: "another program has that address",
  EADDRNOTAVAIL: "this machine has no such address",
  ECANCELLED: "looking up its name was given up",
  ENODATA: "its name has no entry of that kind",
  EREFUSED: "the name server refuses to look it up",
  ESERVFAIL: "the name server failed to look it up",
  ETIMEOUT: "the name server does not answer",
  EAI_AGAIN: "its name cannot be looked up at the moment",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection broke",
  EDQUOT: "the disk is full",
  EEXIST: "a file of that name exists already",
  EHOSTUNREACH: "there is no way to it",
  EISDIR: "it is a folder",
  ELOOP: "its links go round in a circle",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ENAMETOOLONG: "its name is too long",
  ENETUNREACH: "there is no network",
  ENOENT: "it does not exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is a file",
  ENOTEMPTY: "the folder is not empty",
  ENOTFOUND: "there is no machine of that name",
  EPERM: "it is not permitted",
  EPIPE: "nobody reads it",
  EROFS: "the file system can only be read",
  ETIMEDOUT: "it does not answer",
  EIO: "the disk or terminal failed",
};

/** By SQLite's primary result code (https://sqlite.org/rescode.html). */
const SQLITE_WORDS: Readonly<Record<number, string>> = {
  5: "another program holds it",
  6: "another program holds it",
  7: "memory ran out",
  8: "it can only be read",
  10: "the disk failed",
  11: "it is damaged",
  13: "the disk is full",
  14: "it cannot be opened",
  18: "a value is too large for it",
  19: "it has that already",
  26: "it is no SQLite database",
};

interface Failure {
  readonly code?: unknown;
  readonly errcode?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

function ownWords({ code, errcode }: Failure): string | undefined {
  if (code === "ERR_SQLITE_ERROR" && typeof errcode === "number")
    return SQLITE_WORDS[errcode & 0xff] ?? `SQLite reports error ${errcode}`;
  return typeof code === "string" ? WORDS[code] : undefined;
}

const MOST_CAUSES = 8;

/** Of the error, or of what caused it; undefined for what is no failure of the system. */
export function systemWords(thrown: unknown, depth = 0): string | undefined {
  if (depth > MOST_CAUSES || typeof thrown !== "object" || thrown === null) return undefined;
  const { cause, errors } = thrown as Failure;
  const causes = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  let words = ownWords(thrown);
  for (const each of causes) words ??= systemWords(each, depth + 1);
  return words;
}

const SQLITE_FULL = 13;

const RUN_OUT: Readonly<Record<string, "disk" | "files">> = {
  ENOSPC: "disk",
  EDQUOT: "disk",
  EMFILE: "files",
  ENFILE: "files",
};

/** What the machine has run out of, where the error or what caused it says so. */
export function ranOutOf(thrown: unknown, depth = 0): "disk" | "files" | undefined {
  if (depth > MOST_CAUSES || typeof thrown !== "object" || thrown === null) return undefined;
  const { code, errcode, cause, errors } = thrown as Failure;
  if (typeof errcode === "number" && (errcode & 0xff) === SQLITE_FULL) return "disk";
  let found = typeof code === "string" ? RUN_OUT[code] : undefined;
  for (const each of [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])])
    found ??= ranOutOf(each, depth + 1);
  return found;
}

/** Of a failure that another program tells of in a text, such as "connect ECONNREFUSED". */
export function systemWordsIn(text: string): string | undefined {
  const codes = text.match(/\bE[A-Z_]{2,}\b/g) ?? [];
  return codes.map((code) => WORDS[code]).find((words) => words !== undefined);
}

/** The file or address that it was about, if it says so. */
export function systemSubject(thrown: unknown): string | undefined {
  const { path, address } = (thrown ?? {}) as { readonly path?: unknown; address?: unknown };
  if (typeof path === "string") return path;
  return typeof address === "string" ? address : undefined;
}

const LONGEST_PHRASE = 300;

/** One line of what another program said, fit for the middle of a sentence. */
export function phrase(text: string): string {
  const line = text
    .trim()
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\. (?=\S)/g, "; ")
    .slice(0, LONGEST_PHRASE);
  return line.replace(/[.;:\s]+$/, "") || "no reason was given";
}
