import { join } from "node:path";

/**
 * Where the files of this product are. A checkout runs the sources, which lie where they are named;
 * the package runs what they were built into, which lies in dist/, and has the data where the
 * checkout has it. Nothing else knows the difference.
 */
const isBuilt = import.meta.filename.endsWith(".js");
const root = isBuilt ? join(import.meta.dirname, "..") : import.meta.dirname;

/** The path of a file or folder that comes with the product; `name` is its path in the checkout. */
export const ownFile = (name: string): string => join(root, name);

/** The path of a program of the product, for a thread or a process; `source` as in the checkout. */
export const ownProgram = (source: `${string}.ts`): string =>
  isBuilt ? ownFile(`dist/${source.slice(0, -"ts".length)}js`) : ownFile(source);
