import { MongoClient } from "mongodb";
import { HaystackError } from "../../../errors.ts";
import { toStoreError } from "./errors.ts";
import { OPERATION_MS } from "./record.ts";

const CONNECT_MS = 5_000;
/** The client gives an operation up so much later than the server. */
const LATER = 1.2;

export interface ClientOptions {
  /** Default: OPERATION_MS. */
  readonly operationMs?: number;
  /** Of a process of one run, of which there may be thousands. */
  readonly fewConnections?: boolean;
}

const MANY = { maxPoolSize: 20 } as const;
/** Polling a server needs one connection, streaming from it two. */
const FEW = { maxPoolSize: 2, serverMonitoringMode: "poll" } as const;

/** Writes of this client are acknowledged by a majority and journalled. Errors: CONFIG_INVALID. */
export function newClient(
  uri: string,
  { operationMs = OPERATION_MS, fewConnections = false }: ClientOptions = {},
): MongoClient {
  try {
    return new MongoClient(uri, {
      appName: "haystack",
      ignoreUndefined: true,
      writeConcern: { w: "majority", journal: true, wtimeoutMS: operationMs },
      readConcernLevel: "majority",
      readPreference: "primary",
      ...(fewConnections ? FEW : MANY),
      serverSelectionTimeoutMS: CONNECT_MS,
      connectTimeoutMS: CONNECT_MS,
      waitQueueTimeoutMS: operationMs,
      socketTimeoutMS: operationMs * LATER,
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
