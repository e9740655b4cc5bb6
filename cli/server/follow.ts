import { setTimeout as pause } from "node:timers/promises";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import { runSummarySchema } from "../../server/runs/schemas.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import type { Transition } from "../runs/operations.ts";
import {
  backoffMs,
  notUnderstood,
  PassingTrouble,
  unreachable,
  understood,
  type ServerClient,
} from "./client.ts";

const transitionSchema = z.object({
  at: z.string(),
  actor: z.string(),
  event: z.string(),
  from: z.string(),
  to: z.string(),
});

export type RunSummary = z.infer<typeof runSummarySchema>;

export interface Following {
  readonly onRun?: (run: RunSummary) => void;
  readonly onTransition?: (transition: Transition) => void;
  /** The connection is lost, and will be tried again. */
  readonly onLost?: () => void;
  readonly signal?: AbortSignal;
}

/** Three of the server's heartbeats; a connection that is silent for so long is dead. */
const SILENCE_MS = 45_000;
/** A server that was never reached is given up soon, one that was reached after so long. */
const FIRST_ATTEMPTS = 4;
const PATIENCE_MS = 15 * 60_000;

/**
 * Follows a run by server-sent events until it rests.
 *
 * 1. A stream that ends is opened again after the last event that was seen: every transition is
 *    told once, in order.
 * 2. The run rests when the server says that nothing follows (204); an end of a stream alone says
 *    nothing where there are transitions.
 *
 * Errors: those of the server, SERVER_UNREACHABLE, SERVER_NOT_UNDERSTOOD; or the reason of
 * `signal`.
 */
export async function followRun(
  client: ServerClient,
  runId: string,
  following: Following,
): Promise<RunDocument> {
  const path = `/runs/${encodeURIComponent(runId)}`;
  const { signal = new AbortController().signal } = following;
  const seen: Seen = { lastId: undefined, rests: false, events: 0 };
  let failures = 0;
  let reachedAt: number | undefined;
  for (;;) {
    const before = seen.events;
    try {
      const isOver = await readStream(client, `${path}/events`, seen, { ...following, signal });
      reachedAt = performance.now();
      if (isOver) return await client.json({ path, schema: runDocumentSchema });
      failures = 0;
      if (seen.events === before) await pause(backoffMs(1), undefined, { signal });
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof PassingTrouble)) throw thrown;
      if (seen.events > before) {
        reachedAt = performance.now();
        failures = 0;
      }
      failures += 1;
      if (
        reachedAt === undefined
          ? failures === FIRST_ATTEMPTS
          : performance.now() - reachedAt > PATIENCE_MS
      )
        throw thrown.error;
      if (failures === 1) following.onLost?.();
      await pause(backoffMs(failures, thrown.waitMs), undefined, { signal });
    }
  }
}

interface Seen {
  lastId: string | undefined;
  rests: boolean;
  events: number;
}

/** One connection; true when the run rests and all of it was seen. */
async function readStream(
  client: ServerClient,
  path: string,
  seen: Seen,
  { onRun, onTransition, signal }: Following & { readonly signal: AbortSignal },
): Promise<boolean> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const lastSeen: Record<string, string> =
      seen.lastId === undefined ? {} : { "last-event-id": seen.lastId };
    const response = await client.open(path, {
      headers: { accept: "text/event-stream", ...lastSeen },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 204) return true;
    if (
      response.body === null ||
      response.headers.get("content-type")?.startsWith("text/event-stream") !== true
    )
      throw notUnderstood(client.url);
    const heard = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        timer.refresh();
        controller.enqueue(new Uint8Array(chunk));
      },
    });
    for await (const { id, event, data } of response.body
      .pipeThrough(heard)
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream())) {
      seen.events += 1;
      if (event === "transition" && id !== undefined) {
        onTransition?.({ ...understood(client.url, transitionSchema, data), id });
        seen.lastId = id;
      } else if (event === "run") {
        const run = understood(client.url, runSummarySchema, data);
        seen.rests =
          run.status === "completed" ||
          run.status === "failed" ||
          (run.status === "cancelled" && run.current_phase === null);
        onRun?.(run);
      }
    }
    return seen.lastId === undefined && seen.rests;
  } catch (thrown) {
    if (thrown instanceof HaystackError || thrown instanceof PassingTrouble) throw thrown;
    throw unreachable(client.url, thrown);
  } finally {
    clearTimeout(timer);
  }
}
