import { EventSourceParserStream } from "eventsource-parser/stream";

export interface StreamedEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** When it arrived, by performance.now(). */
  readonly at: number;
}

export interface EventStreamClient {
  readonly status: number;
  readonly headers: Headers;
  readonly events: readonly StreamedEvent[];
  /**
   * Resolves with the first event that fits, also one of the past; rejects when the stream ends
   * without it.
   */
  until(fits: (event: StreamedEvent) => boolean): Promise<StreamedEvent>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

/**
 * A client of server-sent events, as a browser's EventSource but with a token and without coming
 * back by itself.
 */
export async function openEvents(
  url: string,
  { token, lastEventId }: { readonly token?: string; readonly lastEventId?: string } = {},
): Promise<EventStreamClient> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    signal: leaving.signal,
    headers: {
      accept: "text/event-stream",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
  });
  const events: StreamedEvent[] = [];
  const waiting = new Set<() => void>();
  let isOver = false;
  const tell = (): void => {
    for (const look of waiting) look();
  };
  const read = async (): Promise<void> => {
    try {
      const parsed =
        response.body
          ?.pipeThrough(new TextDecoderStream())
          .pipeThrough(new EventSourceParserStream()) ?? [];
      for await (const { id, event, data } of parsed) {
        events.push({
          ...(id === undefined ? {} : { id }),
          event: event ?? "message",
          data: JSON.parse(data) as StreamedEvent["data"],
          at: performance.now(),
        });
        tell();
      }
    } catch (thrown) {
      if (!leaving.signal.aborted) throw thrown;
    } finally {
      isOver = true;
      tell();
    }
  };
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const ended = isStream ? read() : Promise.resolve();
  if (!isStream) isOver = true;
  return {
    status: response.status,
    headers: response.headers,
    events,
    ended,
    until: (fits) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = events.find(fits);
          if (found === undefined && !isOver) return;
          waiting.delete(look);
          if (found !== undefined) resolve(found);
          else reject(new Error("The stream ended without the awaited event."));
        };
        waiting.add(look);
        look();
      }),
    close: () => leaving.abort(),
  };
}
