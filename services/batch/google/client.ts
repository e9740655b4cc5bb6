import type { v1 } from "@google-cloud/batch";
import { credentials } from "@grpc/grpc-js";
import { HaystackError } from "../../../errors.ts";
import { GRPC } from "../../http/grpc-reason.ts";

export interface GoogleBatchPlace {
  readonly project: string;
  readonly location: string;
  /**
   * `host:port` of a server on this machine, spoken to without credentials or encryption. Default:
   * Google.
   */
  readonly endpoint?: string;
  /** For how long a call is tried again while Batch does not answer. Default 30 s. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30_000;

/** CreateJob is not retried by the client's own settings; with our request id it may be. */
export function callOptions({ patienceMs = PATIENCE_MS }: GoogleBatchPlace) {
  const callMs = Math.ceil(patienceMs / 3);
  return {
    timeout: callMs,
    retry: {
      retryCodes: [GRPC.UNAVAILABLE, GRPC.DEADLINE_EXCEEDED],
      backoffSettings: {
        initialRetryDelayMillis: 100,
        retryDelayMultiplier: 2,
        maxRetryDelayMillis: 2_000,
        initialRpcTimeoutMillis: callMs,
        rpcTimeoutMultiplier: 1,
        maxRpcTimeoutMillis: callMs,
        totalTimeoutMillis: patienceMs,
      },
    },
  };
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

export function clientOptions({
  project,
  endpoint,
}: GoogleBatchPlace): ConstructorParameters<typeof v1.BatchServiceClient>[0] {
  const common = { projectId: project, "grpc.max_reconnect_backoff_ms": 5_000 };
  if (endpoint === undefined) return common;
  const { hostname, port } = new URL(`http://${endpoint}`);
  if (!LOOPBACK.has(hostname) || port === "")
    throw new HaystackError(
      "CONFIG_INVALID",
      `The Batch endpoint ${endpoint} is not a port of this machine: write it like 127.0.0.1:8090.`,
    );
  // With the universe given, the client asks no metadata server for it.
  return {
    ...common,
    apiEndpoint: hostname,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    clientOptions: { universeDomain: "googleapis.com" },
  };
}
