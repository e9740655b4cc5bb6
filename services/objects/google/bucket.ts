import { type Bucket, Storage } from "@google-cloud/storage";
import { basename } from "node:path";
import { HaystackError } from "../../../errors.ts";
import { given } from "../../../given.ts";
import { retrying, statusOf, type RetryPolicy } from "./retry.ts";
import { storedObject, type StoredObject } from "./upload.ts";

export interface BucketOptions {
  readonly bucket: string;
  /** Put before every object path in the bucket, as a folder. */
  readonly prefix?: string;
  readonly projectId?: string;
  /** Project that pays for requests, where the bucket's requesters do. */
  readonly userProject?: string;
  /** http://host:port of an emulator instead of the service. It gets no credentials. */
  readonly emulatorUrl?: string;
}

export interface FoundObject {
  readonly path: string;
  readonly metadata: unknown;
}

/** The single requests; what they throw is as the client throws it. */
export interface ObjectBucket {
  readonly bucket: Bucket;
  /** The name that an object path has in the bucket. */
  nameOf(path: string): string;
  look(path: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  filesFrom(start: string, signal: AbortSignal): AsyncGenerator<FoundObject>;
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** Error CONFIG_INVALID. */
  signedUrl(path: string, seconds: number): Promise<string>;
}

const PAGE = 1000;
/**
 * The protocol allows a week. signBlob, which signs where there is no key of one's own, uses keys
 * that are changed: https://docs.cloud.google.com/storage/docs/authentication/creating-signatures.
 */
const LONGEST_SIGNED_SECONDS = 12 * 60 * 60;

const isNoObject = (thrown: unknown): boolean =>
  statusOf(thrown) === 404 &&
  !(thrown instanceof Error && /bucket does not exist/i.test(thrown.message));

/** A bucket, or what lies in it below a prefix. */
export function openBucket(
  { bucket: bucketName, prefix: folder = "", projectId, userProject, emulatorUrl }: BucketOptions,
  { retry, stallMs }: { readonly retry: RetryPolicy; readonly stallMs: number },
): ObjectBucket {
  const prefix = folder === "" ? "" : `${folder.replace(/\/+$/, "")}/`;
  const storage = new Storage({
    timeout: stallMs,
    retryOptions: { autoRetry: false },
    ...given({ projectId }),
    ...(emulatorUrl === undefined
      ? {}
      : { apiEndpoint: emulatorUrl, useAuthWithCustomEndpoint: false }),
  });
  const bucket = storage.bucket(bucketName, given({ userProject }));
  const nameOf = (path: string): string => prefix + path;
  return {
    bucket,
    nameOf,
    async look(path, signal) {
      try {
        const [metadata] = await retrying(retry, signal, () =>
          bucket.file(nameOf(path)).getMetadata(),
        );
        return storedObject(metadata);
      } catch (thrown) {
        if (isNoObject(thrown)) return undefined;
        throw thrown;
      }
    },
    async *filesFrom(start, signal) {
      let pageToken: string | undefined;
      do {
        const query = {
          prefix: nameOf(start),
          maxResults: PAGE,
          autoPaginate: false,
          ...given({ pageToken }),
        };
        const [files, next] = await retrying(retry, signal, () => bucket.getFiles(query));
        for (const { name, metadata } of files)
          // A name that ends with a slash is a folder made by hand.
          if (!name.endsWith("/")) yield { path: name.slice(prefix.length), metadata };
        pageToken = (next as { pageToken?: string } | null | undefined)?.pageToken;
      } while (pageToken !== undefined);
    },
    async remove(path, signal) {
      await retrying(retry, signal, () =>
        bucket.file(nameOf(path)).delete({ ignoreNotFound: true }),
      );
    },
    async signedUrl(path, seconds) {
      if (!(seconds >= 1 && seconds <= LONGEST_SIGNED_SECONDS)) {
        throw new HaystackError(
          "CONFIG_INVALID",
          `A signed URL cannot be valid for ${seconds} seconds; choose from 1 to ${LONGEST_SIGNED_SECONDS}.`,
        );
      }
      const [url] = await bucket.file(nameOf(path)).getSignedUrl({
        version: "v4",
        action: "read",
        expires: Date.now() + seconds * 1000,
        promptSaveAs: basename(path),
        ...(userProject === undefined ? {} : { queryParams: { userProject } }),
      });
      return url;
    },
  };
}
