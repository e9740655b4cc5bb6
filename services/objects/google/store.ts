import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { HaystackError, objectNotFound } from "../../../errors.ts";
import { isAbsent } from "../directory/files.ts";
import { directoryObjects } from "../directory/store.ts";
import { type BucketOptions, type FoundObject, openBucket } from "./bucket.ts";
import { objectCache, type CachedObject } from "./cache.ts";
import { download } from "./download.ts";
import { sharedFlights } from "./flights.ts";
import { objectsError, statusOf, USUAL_RETRY, type RetryPolicy } from "./retry.ts";
import { digestOf, storedObject, upload, type Source } from "./upload.ts";
import type { ObjectRef, ObjectStore } from "../index.ts";
import { checkObjectPath } from "../object-path.ts";

export interface GoogleObjectsOptions extends BucketOptions {
  /** Folder for copies of fetched objects, at their paths, and for unfinished work. */
  readonly cacheDir: string;
  /** Size that the copies may reach together, except for those in use. */
  readonly cacheBytes: number;
  /** How long after it was last asked for a copy counts as in use; 3600 by default. */
  readonly holdSeconds?: number;
  readonly retry?: RetryPolicy;
  /** A connection that is silent for this long counts as broken; 60 by default. */
  readonly stallSeconds?: number;
  /** Larger files are uploaded in parts of this size, a multiple of 256 KiB; 8 MiB by default. */
  readonly partBytes?: number;
}

const ROUNDS = 50;
/**
 * Objects in a Cloud Storage bucket. Each is written under a precondition on its generation, with
 * its CRC32C checked by the server and its SHA-256 in its metadata. Fetched objects stay in a local
 * cache of limited size, whose files are checked once when they come.
 */
export function googleObjects(options: GoogleObjectsOptions): ObjectStore {
  const { cacheDir, retry = USUAL_RETRY, emulatorUrl, partBytes = 8 << 20 } = options;
  const stallMs = (options.stallSeconds ?? 60) * 1000;
  const folder = resolve(cacheDir);
  const local = directoryObjects({ root: folder });
  const cache = objectCache({
    folder,
    limitBytes: options.cacheBytes,
    holdMs: (options.holdSeconds ?? 3600) * 1000,
  });
  const downloads = sharedFlights<CachedObject>();
  const closing = new AbortController();
  const place = openBucket(options, { retry, stallMs });
  const { bucket } = place;

  const until = (signal?: AbortSignal): AbortSignal =>
    signal === undefined ? closing.signal : AbortSignal.any([closing.signal, signal]);
  const failed = (thrown: unknown, doing: string, signal: AbortSignal): HaystackError =>
    objectsError(thrown, doing, options.bucket, signal);

  const store = async (path: string, source: Source, signal: AbortSignal): Promise<ObjectRef> => {
    const digest = await digestOf(source, partBytes, signal);
    for (let round = 0; round < ROUNDS; round++) {
      const present = await place.look(path, signal);
      if (present?.sha256 !== digest.sha256 || present.size !== digest.size) {
        try {
          await upload(
            {
              bucket,
              name: place.nameOf(path),
              source,
              digest,
              generation: present?.generation ?? 0,
            },
            { retry, partBytes, stallMs },
            signal,
          );
        } catch (thrown) {
          if (statusOf(thrown) === 412) continue;
          throw thrown;
        }
      }
      return { path, sha256: digest.sha256 };
    }
    throw new HaystackError(
      "OBJECTS_UNAVAILABLE",
      `Other programs keep writing the object ${path}; check that no two programs write the same run.`,
    );
  };

  /** Brings the object as it is in the bucket now into the cache. */
  const bring = async (path: string, signal: AbortSignal): Promise<CachedObject> => {
    let left = 2;
    for (let round = 0; left > 0 && round < ROUNDS; round++) {
      const stored = await place.look(path, signal);
      if (stored === undefined) throw objectNotFound(path);
      const cached = await cache.find(path, signal);
      if (
        cached !== undefined &&
        (cached.generation === stored.generation || cached.sha256 === stored.sha256)
      ) {
        cache.confirm(path, stored.generation);
        return cached;
      }
      const scratch = await local.scratch();
      try {
        const temporary = join(scratch, randomUUID());
        const sha256 = await download(
          { bucket, name: place.nameOf(path), stored, temporary },
          { retry, stallMs, authorized: emulatorUrl === undefined },
          signal,
        );
        if (sha256 !== undefined)
          return await cache.admit(path, temporary, sha256, stored.generation);
        left--;
      } catch (thrown) {
        // Replaced on the way: the next round sees the new generation.
        if (statusOf(thrown) !== 404) throw thrown;
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    }
    throw new HaystackError(
      "OBJECT_DAMAGED",
      `The content of the object ${path} differs from its checksum in the bucket; restore the object, or submit the question again.`,
    );
  };

  async function* filesFrom(start: string): AsyncGenerator<FoundObject> {
    try {
      yield* place.filesFrom(start, closing.signal);
    } catch (thrown) {
      throw failed(thrown, `Listing the objects ${start}*`, closing.signal);
    }
  }

  return {
    isElsewhere: true,
    async put(path, localFile, signal) {
      const stop = until(signal);
      try {
        checkObjectPath(path);
        stop.throwIfAborted();
        const handle = await open(localFile).catch((thrown: unknown) => {
          throw isAbsent(thrown)
            ? new HaystackError(
                "FILE_NOT_FOUND",
                `The file ${localFile} to be stored as ${path} does not exist.`,
              )
            : thrown;
        });
        try {
          const { size } = await handle.stat();
          // One buffer serves all parts: each is sent before the next is read.
          const buffer = Buffer.allocUnsafe(Math.min(partBytes, size));
          const read = async (position: number, length: number): Promise<Buffer> => {
            const { bytesRead } = await handle.read({ buffer, length, position });
            return buffer.subarray(0, bytesRead);
          };
          return await store(path, { size, read }, stop);
        } finally {
          await handle.close();
        }
      } catch (thrown) {
        throw failed(thrown, `Storing the object ${path}`, stop);
      }
    },
    async putText(path, text, signal) {
      const stop = until(signal);
      try {
        checkObjectPath(path);
        const bytes = Buffer.from(text);
        return await store(
          path,
          {
            size: bytes.length,
            read: async (start, length) => bytes.subarray(start, start + length),
          },
          stop,
        );
      } catch (thrown) {
        throw failed(thrown, `Storing the object ${path}`, stop);
      }
    },
    async fetch(ref, signal) {
      const stop = until(signal);
      const wanted = "sha256" in ref ? ref.sha256 : undefined;
      try {
        checkObjectPath(ref.path);
        stop.throwIfAborted();
        if (wanted !== undefined) {
          const cached = await cache.find(ref.path, stop);
          if (cached?.sha256 === wanted) return cached.file;
        }
        // A second time, for the first may have joined a download of what was there before.
        for (let left = 2; left > 0; left--) {
          const brought = await downloads.join(
            ref.path,
            (shared) => bring(ref.path, AbortSignal.any([closing.signal, shared])),
            stop,
          );
          if (wanted === undefined || brought.sha256 === wanted) return brought.file;
        }
        throw new HaystackError(
          "OBJECT_DAMAGED",
          `The object ${ref.path} differs from what was stored; restore it, or submit the question again.`,
        );
      } catch (thrown) {
        throw failed(thrown, `Reading the object ${ref.path}`, stop);
      }
    },
    async stat(path) {
      try {
        checkObjectPath(path);
        const stored = await place.look(path, closing.signal);
        return stored === undefined
          ? undefined
          : { path, size: stored.size, version: String(stored.generation) };
      } catch (thrown) {
        throw failed(thrown, `Looking for the object ${path}`, closing.signal);
      }
    },
    async *list(start) {
      for await (const { path } of filesFrom(start)) yield path;
    },
    async *inventory(start) {
      for await (const { path, metadata } of filesFrom(start)) {
        const { size, generation, crc32c = "" } = storedObject(metadata);
        yield { path, size, version: String(generation), checksum: crc32c };
      }
    },
    async remove(path, signal) {
      const stop = until(signal);
      try {
        checkObjectPath(path);
        await place.remove(path, stop);
        cache.drop(path);
      } catch (thrown) {
        throw failed(thrown, `Removing the object ${path}`, stop);
      }
    },
    location(path) {
      checkObjectPath(path);
      return `gs://${options.bucket}/${place.nameOf(path)}`;
    },
    async signedUrl(path, seconds) {
      try {
        checkObjectPath(path);
        return await place.signedUrl(path, seconds);
      } catch (thrown) {
        throw failed(thrown, `Signing a URL of the object ${path}`, closing.signal);
      }
    },
    scratch: () => local.scratch(),
    async close() {
      closing.abort();
      await downloads.landed();
    },
  };
}
