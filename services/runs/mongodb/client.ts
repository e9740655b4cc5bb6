import { MongoClient } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import { toStoreError } from "./errors.ts";
import { OPERATION_MS } from "./record.ts";

const CONNECT_MS = 5_000;

/** Writes of this client are acknowledged by a majority and journalled. Errors: CONFIG_INVALID. */
export function newClient(uri: string): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: "haystack",
      ignoreUndefined: true,
      writeConcern: { w: "majority", journal: true, wtimeoutMS: OPERATION_MS },
      readConcernLevel: "majority",
      readPreference: "primary",
      maxPoolSize: 20,
      serverSelectionTimeoutMS: CONNECT_MS,
      connectTimeoutMS: CONNECT_MS,
      waitQueueTimeoutMS: OPERATION_MS,
      socketTimeoutMS: OPERATION_MS + 2_000,
    });
  } catch (thrown) {
    throw new HaystackError(
      "CONFIG_INVALID",
      "MONGODB_URI is no connection string that can be used; write it like mongodb://host:27017 or mongodb+srv://name:password@host, with options that MongoDB has.",
      { cause: thrown },
    );
  }
}

/** Errors of the driver become STORE_UNAVAILABLE or INTERNAL. */
export async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw toStoreError(thrown);
  }
}
