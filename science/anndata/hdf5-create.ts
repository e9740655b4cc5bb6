import { open as openPath } from "node:fs/promises";
import type { Group } from "h5wasm/node";
import { HaystackError, machineFault } from "../../errors.ts";
import { library, openFile, type Hdf5Library } from "./hdf5-library.ts";

/**
 * Creates an HDF5 file and fills it. The same calls give the same bytes: HDF5's own timestamps are
 * pinned to zero.
 */
export async function createHdf5(
  path: string,
  fill: (root: Group, library: Hdf5Library) => void,
): Promise<void> {
  const module = await library;
  // What the system says of a place that cannot be written, HDF5 hides in pages of its own.
  await (await openPath(path, "w")).close();
  const { now } = Date;
  Date.now = () => 0;
  try {
    const file = openFile(path, "w");
    try {
      fill(file, module);
    } finally {
      file.close();
    }
  } catch (thrown) {
    throw refusedWrite(path, thrown) ?? thrown;
  } finally {
    Date.now = now;
  }
}

/** What the system said when HDF5 wrote; undefined for other errors. HDF5 tells it in pages of its own. */
function refusedWrite(path: string, thrown: unknown): HaystackError | undefined {
  const trace = thrown instanceof Error ? thrown.message : "";
  if (!trace.startsWith("HDF5-DIAG")) return undefined;
  const said = /error message = '([^']+)'/.exec(trace)?.[1] ?? "no reason was given";
  const code = /^(?:No space left|Disk quota|Quota exceeded)/.test(said)
    ? "ENOSPC"
    : /^(?:Too many open files|No file descriptors)/.test(said)
      ? "EMFILE"
      : undefined;
  const cause = Object.assign(new Error(said, { cause: thrown }), { path, code });
  return (
    machineFault(cause, `Writing ${path}`) ??
    new HaystackError(
      "INTERNAL",
      `Writing ${path} failed (${said}); check the disk and its permissions.`,
      { cause },
    )
  );
}
