import { request, type ClientRequest } from "node:http";

/** Many readers of event streams in one process, counting what arrives and how late. */

export interface StreamReader {
  readonly status: number;
  close(): void;
}

export interface ReaderOptions {
  readonly url: string;
  readonly token: string;
  readonly runId: string;
  /** Called for each transition with its time, and for each state with the run's status. */
  readonly onTransition?: (at: number) => void;
  readonly onStatus?: (status: string) => void;
}

const TRANSITION = /^event: transition\ndata: .*?"at":"([^"]+)"/gm;
const STATUS = /^event: run\ndata: .*?"status":"([a-z]+)"/gm;

export function openStream({
  url,
  token,
  runId,
  onTransition,
  onStatus,
}: ReaderOptions): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = request(
      `${url}/api/v1/runs/${runId}/events`,
      { agent: false, headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" } },
      (response) => {
        let rest = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          const text = rest + chunk;
          const whole = text.lastIndexOf("\n\n") + 2;
          rest = text.slice(whole);
          const events = text.slice(0, whole);
          for (const [, at = ""] of events.matchAll(TRANSITION)) onTransition?.(Date.parse(at));
          for (const [, status = ""] of events.matchAll(STATUS)) onStatus?.(status);
        });
        response.on("error", () => undefined);
        resolve({ status: response.statusCode ?? 0, close: () => asked.destroy() });
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}

/** Value below which the share lies; the values are sorted. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
