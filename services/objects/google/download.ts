import type { Bucket } from "@google-cloud/storage";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { crc32c } from "./crc32c.ts";
import { Interrupted, retrying, type RetryPolicy } from "./retry.ts";
import type { StoredObject } from "./upload.ts";

/** Bytes gathered for one write. */
const WRITE_BYTES = 1 << 20;

export interface DownloadOptions {
  readonly retry: RetryPolicy;
  /** A connection that gives no byte for this long counts as broken. */
  readonly stallMs: number;
  /** False for a server that is given no credentials. */
  readonly authorized: boolean;
}

export interface Download {
  readonly bucket: Bucket;
  readonly name: string;
  readonly stored: StoredObject;
  /** A file that is not there yet. */
  readonly temporary: string;
}

/**
 * The object's bytes from `offset` on. The client makes the address and the credentials, but not
 * the request: see docs/decisions/0009-cloud-storage.md.
 */
async function openFrom(
  { bucket, name, stored: { generation } }: Download,
  { offset, authorized }: { readonly offset: number; readonly authorized: boolean },
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { apiEndpoint, authClient } = bucket.storage;
  const url = `${apiEndpoint}/storage/v1/b/${encodeURIComponent(bucket.name)}/o/${encodeURIComponent(name)}?alt=media&generation=${generation}`;
  const headers = new Headers(authorized ? await authClient.getRequestHeaders(url) : {});
  if (bucket.userProject !== undefined) headers.set("x-goog-user-project", bucket.userProject);
  if (offset > 0) headers.set("Range", `bytes=${offset}-`);
  const response = await fetch(url, { headers, signal });
  if (!response.ok)
    throw Object.assign(new Error((await response.text()).slice(0, 300) || response.statusText), {
      status: response.status,
    });
  if (response.body === null || (offset > 0 && response.status !== 206))
    throw new Error(`The server does not give a part of the object ${name}.`);
  return response.body;
}

/**
 * Writes one generation of the object into the new file `temporary`. A broken connection goes on
 * where it broke. Returns the SHA-256 of what came, or undefined when that is not what the bucket
 * says it holds. Rejects with status 404 when the generation is gone.
 */
export async function download(
  wanted: Download,
  { retry, stallMs, authorized }: DownloadOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { stored, temporary } = wanted;
  const hash = createHash("sha256");
  /** Slow, hence only where nothing better is known. */
  const checksum =
    stored.sha256 === undefined && stored.crc32c !== undefined ? crc32c() : undefined;
  const target = await open(temporary, "wx", 0o444);
  let offset = 0;
  let unwritten: Uint8Array[] = [];
  let unwrittenBytes = 0;
  const write = async (): Promise<void> => {
    const { bytesWritten } =
      unwrittenBytes === 0 ? { bytesWritten: 0 } : await target.writev(unwritten);
    if (bytesWritten !== unwrittenBytes)
      throw Object.assign(new Error("The disk accepted only a part"), { code: "ENOSPC" });
    unwritten = [];
    unwrittenBytes = 0;
  };
  try {
    await retrying(retry, signal, async (_, gotOn) => {
      if (offset >= stored.size) return;
      const silence = new AbortController();
      const stall = setTimeout(
        () => silence.abort(new Interrupted(`No data arrived for ${stallMs} ms.`)),
        stallMs,
      );
      try {
        for await (const chunk of await openFrom(
          wanted,
          { offset, authorized },
          AbortSignal.any([signal, silence.signal]),
        )) {
          stall.refresh();
          hash.update(chunk);
          checksum?.update(chunk);
          offset += chunk.length;
          gotOn();
          unwritten.push(chunk);
          unwrittenBytes += chunk.length;
          if (unwrittenBytes >= WRITE_BYTES) await write();
        }
      } finally {
        clearTimeout(stall);
        await write();
      }
      if (offset < stored.size)
        throw new Interrupted(`The connection ended after ${offset} of ${stored.size} bytes.`);
    });
  } finally {
    await target.close();
  }
  const sha256 = hash.digest("hex");
  const intact =
    offset === stored.size &&
    (stored.sha256 === undefined || stored.sha256 === sha256) &&
    (checksum === undefined || checksum.digest() === stored.crc32c);
  return intact ? sha256 : undefined;
}
