import type { Bucket } from "@google-cloud/storage";
import { createHash } from "node:crypto";
import { HaystackError } from "../../../errors.ts";
import { crc32c } from "./crc32c.ts";
import { Interrupted, retrying, statusOf, type RetryPolicy } from "./retry.ts";

/** Bytes to store, readable at any place and again. */
export interface Source {
  readonly size: number;
  /** The bytes stay as they are until the next call. */
  readonly read: (start: number, length: number) => Promise<Buffer>;
}

export interface Digest {
  readonly size: number;
  readonly sha256: string;
  readonly crc32c: string;
}

export interface UploadOptions {
  readonly retry: RetryPolicy;
  /**
   * An upload larger than this goes in parts of this size, the most that is ever in memory. A
   * multiple of 256 KiB.
   */
  readonly partBytes: number;
  /** Longest time for one part. */
  readonly stallMs: number;
}

/** What the bucket says of a stored object. */
export interface StoredObject {
  readonly size: number;
  /** A number, as the client wants it: generations are microseconds since 1970. */
  readonly generation: number;
  readonly crc32c: string | undefined;
  /** As `upload` noted it; undefined for an object that another program wrote. */
  readonly sha256: string | undefined;
}

export function storedObject(metadata: unknown): StoredObject {
  const {
    size,
    generation,
    crc32c: checksum,
    metadata: own,
  } = metadata as {
    size?: unknown;
    generation?: unknown;
    crc32c?: string;
    metadata?: { sha256?: string };
  };
  return {
    size: Number(size),
    generation: Number(generation),
    crc32c: checksum,
    sha256: own?.sha256,
  };
}

export async function digestOf(
  { size, read }: Source,
  partBytes: number,
  signal: AbortSignal,
): Promise<Digest> {
  const hash = createHash("sha256");
  const checksum = crc32c();
  for (let start = 0; start < size; start += partBytes) {
    signal.throwIfAborted();
    const part = await read(start, Math.min(partBytes, size - start));
    hash.update(part);
    checksum.update(part);
  }
  return { size, sha256: hash.digest("hex"), crc32c: checksum.digest() };
}

class UploadForgotten extends Error {}

const isChecksumRefusal = (thrown: unknown): boolean =>
  statusOf(thrown) === 400 && thrown instanceof Error && /crc32c/i.test(thrown.message);

const UPLOADS = 3;
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  json: "application/json",
  txt: "text/plain; charset=utf-8",
};
const contentTypeOf = (name: string): string =>
  CONTENT_TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";

/** Bytes of an unfinished upload that the server has, or the finished object. */
type Progress = { readonly offset: number } | { readonly stored: StoredObject };

interface PutRequest {
  readonly range: string;
  /** Absent: only to hear how far the upload is. */
  readonly body?: Buffer;
  readonly stallMs: number;
}

/**
 * One request of the protocol of resumable uploads. The session's URL carries its own right; it
 * needs no credentials.
 */
async function put(
  session: string,
  { range, body, stallMs }: PutRequest,
  signal: AbortSignal,
): Promise<Progress> {
  const response = await fetch(session, {
    method: "PUT",
    headers: { "Content-Range": range },
    body:
      body === undefined
        ? null
        : new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength),
    signal: AbortSignal.any([signal, AbortSignal.timeout(stallMs)]),
  }).catch((thrown: unknown) => {
    throw signal.aborted
      ? thrown
      : new Interrupted("The connection broke during an upload.", { cause: thrown });
  });
  if (response.ok) return { stored: storedObject(await response.json()) };
  const text = await response.text();
  if (response.status === 308) {
    const last = /-(\d+)$/.exec(response.headers.get("range") ?? "")?.[1];
    return { offset: last === undefined ? 0 : Number(last) + 1 };
  }
  if (response.status === 404 || response.status === 410)
    throw new UploadForgotten("The server forgot an unfinished upload.");
  throw Object.assign(new Error(text.slice(0, 300) || response.statusText), {
    status: response.status,
  });
}

async function uploadInParts(
  session: string,
  { size, read }: Source,
  { retry, partBytes, stallMs }: UploadOptions,
  signal: AbortSignal,
): Promise<StoredObject> {
  let offset = 0;
  return retrying(retry, signal, async (call, gotOn) => {
    let progress: Progress =
      call === 0
        ? { offset: 0 }
        : await put(session, { range: `bytes */${size}`, stallMs }, signal);
    while ("offset" in progress) {
      if (progress.offset > offset) gotOn();
      offset = progress.offset;
      if (offset >= size)
        throw new Interrupted("The server has all bytes of an upload and did not finish it.");
      const part = await read(offset, Math.min(partBytes, size - offset));
      progress = await put(
        session,
        { range: `bytes ${offset}-${offset + part.length - 1}/${size}`, body: part, stallMs },
        signal,
      );
    }
    return progress.stored;
  });
}

export interface Upload {
  readonly bucket: Bucket;
  readonly name: string;
  readonly source: Source;
  readonly digest: Digest;
  readonly generation: number;
}

/**
 * Stores the source under the name if the object's generation is still `generation` (0: there is
 * none). The server is given the CRC32C and its answer is compared with it; an object that arrived
 * damaged is removed and the upload repeated (at last OBJECT_DAMAGED). Rejects with status 412 when
 * the generation is another one.
 */
export async function upload(
  { bucket, name, source, digest, generation }: Upload,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<void> {
  const file = bucket.file(name);
  const preconditionOpts = { ifGenerationMatch: generation };
  const metadata = {
    contentType: contentTypeOf(name),
    crc32c: digest.crc32c,
    metadata: { sha256: digest.sha256 },
  };
  const store = async (): Promise<StoredObject> => {
    if (source.size > options.partBytes) {
      const [session] = await retrying(options.retry, signal, () =>
        file.createResumableUpload({ metadata, preconditionOpts }),
      );
      return uploadInParts(session, source, options, signal);
    }
    const whole = await source.read(0, source.size);
    await retrying(options.retry, signal, () =>
      file.save(whole, { resumable: false, validation: false, metadata, preconditionOpts }),
    );
    return storedObject(file.metadata);
  };
  for (let left = UPLOADS; left > 0; left--) {
    const stored = await store().catch((thrown: unknown) => {
      if (!(thrown instanceof UploadForgotten) && !isChecksumRefusal(thrown)) throw thrown;
    });
    if (stored === undefined) continue;
    if (stored.crc32c === digest.crc32c && stored.size === digest.size) return;
    await file.delete({ ifGenerationMatch: stored.generation }).catch((thrown: unknown) => {
      const status = statusOf(thrown);
      if (status !== 404 && status !== 412) throw thrown;
    });
  }
  throw new HaystackError(
    "OBJECT_DAMAGED",
    `The object ${name} did not arrive intact in the bucket, ${UPLOADS} times in a row; check the network.`,
  );
}
