/** What the operating system says when something fails, in our words. */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "there is no permission for it",
  EADDRINUSE: "another program has that address",
  EADDRNOTAVAIL: "this machine has no such address",
  EAI_AGAIN: "its name cannot be looked up at the moment",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection broke",
  EEXIST: "a file of that name exists already",
  EHOSTUNREACH: "there is no way to it",
  EISDIR: "it is a folder",
  ELOOP: "its links go round in a circle",
  EMFILE: "too many files are open",
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

/** Undefined for what is no failure of the operating system. */
export function systemWords(thrown: unknown): string | undefined {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  if (typeof code !== "string" || !/^E[A-Z_]{2,}$/.test(code)) return undefined;
  return WORDS[code];
}

/** The file or address that it was about, if it says so. */
export function systemSubject(thrown: unknown): string | undefined {
  const { path, address } = (thrown ?? {}) as { readonly path?: unknown; address?: unknown };
  if (typeof path === "string") return path;
  return typeof address === "string" ? address : undefined;
}
