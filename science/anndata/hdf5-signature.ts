import { open as openPath, stat, type FileHandle } from "node:fs/promises";
import { HaystackError } from "../../errors.ts";
import { folderError, notHdf5, statedSize } from "./what-file.ts";

export const SIGNATURE = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);
const SUPERBLOCK = 96;

/**
 * That the path is a whole file that begins as HDF5 does; `name` is what errors call it.
 * @throws FILE_NOT_FOUND, FILE_NOT_HDF5, FILE_DAMAGED
 */
export async function checkSignature(path: string, name = path): Promise<void> {
  const missing = (cause: unknown) =>
    new HaystackError(
      "FILE_NOT_FOUND",
      `${path} cannot be opened; check that the path is right and the file readable.`,
      { cause },
    );
  const found = await stat(path).catch((cause: unknown) => Promise.reject(missing(cause)));
  if (found.isDirectory()) throw folderError(path);
  if (!found.isFile())
    throw new HaystackError(
      "FILE_NOT_HDF5",
      `${name} is a pipe or a device, not a file; save its contents as an .h5ad file.`,
    );
  const handle = await openPath(path, "r").catch((cause: unknown) =>
    Promise.reject(missing(cause)),
  );
  try {
    const { size } = found;
    const head = Buffer.alloc(SIGNATURE.length);
    for (let offset = 0; offset + head.length <= size; offset = offset === 0 ? 512 : offset * 2) {
      await handle.read(head, 0, head.length, offset);
      if (!head.equals(SIGNATURE)) continue;
      if (offset === 0) await checkSize(name, handle, size);
      return;
    }
  } catch (cause) {
    throw cause instanceof HaystackError ? cause : missing(cause);
  } finally {
    await handle.close();
  }
  throw await notHdf5(path);
}

async function checkSize(path: string, handle: FileHandle, size: number): Promise<void> {
  const head = Buffer.alloc(SUPERBLOCK);
  await handle.read(head, 0, head.length, 0);
  const stated = statedSize(head);
  if (stated === null || stated <= BigInt(size)) return;
  throw new HaystackError(
    "FILE_DAMAGED",
    `${path} is cut short: it has ${size} of ${stated} bytes, as after a partial download; copy or download it again.`,
  );
}
