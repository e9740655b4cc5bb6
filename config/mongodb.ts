import type { Environment } from "./variables.ts";

const DEFAULT_DATABASE = "haystack";
/** MongoDB's own; a path often names it as that of the users. */
const OF_MONGODB: ReadonlySet<string> = new Set(["admin", "local", "config"]);

/** The database in the path of a connection string; undefined where there is none. */
function inPath(uri: string): string | undefined {
  const [, path = ""] = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]*)/.exec(uri) ?? [];
  try {
    return path === "" ? undefined : decodeURIComponent(path);
  } catch {
    // The driver says what is wrong with the string.
    return undefined;
  }
}

/** Where the runs are, or undefined: in a file of this machine. */
export function mongodbOf({
  MONGODB_URI: uri,
  MONGODB_DATABASE: named,
}: Pick<Environment, "MONGODB_URI" | "MONGODB_DATABASE">):
  | { readonly uri: string; readonly database: string }
  | undefined {
  return uri === undefined
    ? undefined
    : { uri, database: named ?? inPath(uri) ?? DEFAULT_DATABASE };
}

/** Runs are kept in no database of MongoDB's own. */
export const isOfMongodb = (given: Parameters<typeof mongodbOf>[0]): boolean =>
  OF_MONGODB.has(mongodbOf(given)?.database ?? DEFAULT_DATABASE);
