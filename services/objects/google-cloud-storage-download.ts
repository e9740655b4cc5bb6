import type { Bucket } from "@google-cloud/storage";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { crc32c } from "./google-cloud-storage-crc32c.ts";
import { Interrupted, retrying, type RetryPolicy } from "./google-cloud-storage-retry.ts";
import type { StoredObject } from "./google-cloud-storage-upload.ts";

export interface DownloadOptions {
  readonly retry: RetryPolicy;
  /** A connection that gives no byte for this long counts as broken. */
  readonly stallMs: number;
}

/**
 * Writes one generation of the object into the new file `temporary`. A broken connection goes on where it broke. Returns the SHA-256
 * of what came, or undefined when that is not what the bucket says it holds. Rejects with status 404 when the generation is gone.
 * `bucket` must be of a client that does not retry by itself: its retries of a download end the process under Node 24.
 */
export async function download(bucket: Bucket, name: string, stored: StoredObject, temporary: string, { retry, stallMs }: DownloadOptions, signal: AbortSignal): Promise<string | undefined> {
  const file = bucket.file(name, { generation: stored.generation });
  const hash = createHash("sha256");
  /** Slow, hence only where nothing better is known. */
  const checksum = stored.sha256 === undefined && stored.crc32c !== undefined ? crc32c() : undefined;
  const target = await open(temporary, "wx", 0o444);
  let offset = 0;
  try {
    await retrying(retry, signal, async (_, gotOn) => {
      if (offset >= stored.size) return;
      const stream = addAbortSignal(signal, file.createReadStream({ start: offset, validation: false, decompress: false }));
      const stall = setTimeout(() => stream.destroy(new Interrupted(`No byte came for ${stallMs} ms.`)), stallMs);
      try {
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          stall.refresh();
          hash.update(chunk);
          checksum?.update(chunk);
          await target.writeFile(chunk);
          offset += chunk.length;
          gotOn();
        }
      } finally {
        clearTimeout(stall);
      }
      if (offset < stored.size) throw new Interrupted(`The connection ended after ${offset} of ${stored.size} bytes.`);
    });
  } finally {
    await target.close();
  }
  const sha256 = hash.digest("hex");
  const intact = offset === stored.size && (stored.sha256 === undefined || stored.sha256 === sha256) && (checksum === undefined || checksum.digest() === stored.crc32c);
  return intact ? sha256 : undefined;
}
