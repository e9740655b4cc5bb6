import { createParser, type EventSourceMessage } from "eventsource-parser";
import { Refusal, request } from "./client.ts";
import { pause, waitAfter } from "./patience.ts";

/** A server-sent event with its data read. */
export type Told = Pick<EventSourceMessage, "event" | "id"> & { readonly data: unknown };

export interface Line {
  /** Undefined while the connection stands; else since when it is lost. Milliseconds. */
  readonly lostSince: number | undefined;
  readonly why: string | undefined;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** The daemon sends something every 15 s; a line that is silent for longer is dead. */
const SILENCE_MS = 40_000;

async function readEvents(
  response: Response,
  onEvent: (event: EventSourceMessage) => void,
  onSign: () => void,
): Promise<void> {
  const parser = createParser({ onEvent });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const read = await reader?.read();
    if (read === undefined || read.done) return;
    onSign();
    parser.feed(read.value);
  }
}

/**
 * Follows an event stream until `signal` ends it, or until the daemon ends it and `isOver` says so.
 * A lost connection is taken up again after the last event that was seen, for as long as it takes.
 */
export async function follow(
  path: string,
  {
    signal,
    onEvent,
    onLine,
    isOver,
  }: {
    readonly signal: AbortSignal;
    readonly onEvent: (told: Told) => void;
    readonly onLine: (line: Line) => void;
    readonly isOver: () => boolean;
  },
): Promise<void> {
  let lastId: string | undefined;
  let lostSince: number | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const sign = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      if (lostSince === undefined) return;
      lostSince = undefined;
      onLine({ lostSince, why: undefined });
    };
    let why: string | undefined;
    let after: number | undefined;
    try {
      const response = await request(path, {
        signal: AbortSignal.any([signal, silence.signal]),
        ...(lastId === undefined ? {} : { headers: { "last-event-id": lastId } }),
      });
      sign();
      if (response.status === 200)
        await readEvents(
          response,
          ({ event, id, data }) => {
            if (signal.aborted) return;
            pauseMs = FIRST_PAUSE_MS;
            lastId = id ?? lastId;
            onEvent({ event, id, data: JSON.parse(data) as unknown });
          },
          sign,
        );
      if (isOver()) return;
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof Refusal) {
        if (["UNAUTHENTICATED", "RUN_NOT_FOUND", "FORBIDDEN"].includes(thrown.code)) throw thrown;
        after = thrown.retryAfter;
        if (thrown.code !== "UNREACHABLE") why = thrown.message;
      }
      lostSince ??= Date.now();
      onLine({ lostSince, why });
    } finally {
      clearTimeout(timer);
    }
    await pause(waitAfter(after, pauseMs), signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
