import { createReadStream, createWriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { HaystackError } from "../../errors.ts";
import { newUnpackFolder, type UnpackFolder } from "./unpack-folder.ts";
import { notHdf5Inside } from "./what-file.ts";

/** Cells and genes compress to a tenth or so; more than this is a file made to fill the disk. */
const LARGEST_RATIO = 100;

/** False also for what cannot be opened. */
export async function isGzip(path: string): Promise<boolean> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  const handle = isFile ? await open(path, "r").catch(() => undefined) : undefined;
  if (handle === undefined) return false;
  try {
    const head = Buffer.alloc(2);
    const { bytesRead } = await handle.read(head, 0, 2, 0).catch(() => ({ bytesRead: 0 }));
    return bytesRead === 2 && head.equals(Buffer.from([0x1f, 0x8b]));
  } finally {
    await handle.close();
  }
}

/**
 * Unpacks to a temporary file, which the caller removes, what begins with the signature.
 * @throws FILE_NOT_HDF5 when it does not, before anything is written; FILE_DAMAGED
 */
export async function unpackGzip(path: string, signature: Buffer): Promise<UnpackFolder> {
  const { size } = await stat(path);
  const unpacked = await newUnpackFolder();
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      checked(path, signature, size * LARGEST_RATIO),
      createWriteStream(unpacked.file, { mode: 0o600 }),
    );
    return unpacked;
  } catch (thrown) {
    await unpacked.remove();
    throw isZlib(thrown) ? damaged(path, "cannot be unpacked", thrown) : thrown;
  }
}

function checked(path: string, signature: Buffer, most: number): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (total === 0 && !chunk.subarray(0, signature.length).equals(signature))
        return done(notHdf5Inside(path, chunk));
      total += chunk.length;
      if (total > most)
        return done(damaged(path, `unpacks to more than ${LARGEST_RATIO} times its size`));
      done(null, chunk);
    },
    flush(done) {
      done(total === 0 ? damaged(path, "holds nothing") : null);
    },
  });
}

const isZlib = (thrown: unknown): boolean =>
  thrown instanceof Error && String((thrown as NodeJS.ErrnoException).code).startsWith("Z_");

function damaged(path: string, how: string, cause?: unknown): HaystackError {
  return new HaystackError(
    "FILE_DAMAGED",
    `${path} is compressed with gzip and ${how}; copy or download it again.`,
    { cause },
  );
}
