import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** A program that is a MongoDB server, and how it is started. */
export interface ServerProgram {
  readonly file: string;
  arguments(port: number, folder: string): readonly string[];
  /** A line of its output that says that it answers. */
  readonly answering: RegExp;
}

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

const installed = (path: string): string | undefined =>
  path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, "mongod"))
    .find(isProgram);

/**
 * A mongod on the path, before the server that .ci/mongodb-wire.sh has put into the cache folder.
 */
export function findServerProgram(
  path: string,
  cache = resolve(".cache"),
): ServerProgram | undefined {
  const mongod = installed(path);
  if (mongod !== undefined) {
    return {
      file: mongod,
      arguments: (port, folder) => [
        "--port",
        String(port),
        "--bind_ip",
        "127.0.0.1",
        "--dbpath",
        folder,
        "--nounixsocket",
      ],
      answering: /waiting for connections/i,
    };
  }
  const file = join(cache, "mongodb-wire", "mongodb-wire");
  return isProgram(file)
    ? {
        file,
        arguments: (port, folder) => [String(port), folder, "with-parent"],
        answering: /^mongodb:/,
      }
    : undefined;
}
