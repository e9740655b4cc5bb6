import type { FastifyReply } from "fastify";
import type { LoggedTransition, WatchedRun } from "../../actors/watch/run-watcher.ts";
import type { Clock } from "../../services/clock/index.ts";
import type { RunDocument } from "../../services/runs/document.ts";
import { runSummarySchema } from "../runs/schemas.ts";

/**
 * A reader that takes nothing for so long is disconnected; it may come back with the id of what it
 * saw last.
 */
const SLOW_READER_MS = 10_000;
/** So long after its beginning a stream ends, so that whoever reads it says again who they are. */
const LONGEST_STREAM_MS = 3_600_000;

/** Bytes, about, that are written to a reader at once. */
const LARGEST_WRITE = 64 * 1_024;

const SUMMARY = Object.keys(runSummarySchema.shape) as (keyof RunDocument)[];

/** The readers of a run share its entries and its document, and so the texts of their events. */
const texts = new WeakMap<LoggedTransition | RunDocument, string>();

function textOf<Content extends LoggedTransition | RunDocument>(
  content: Content,
  write: (content: Content) => string,
): string {
  const known = texts.get(content) ?? write(content);
  texts.set(content, known);
  return known;
}

const transitionText = ({ id, at, ...entry }: LoggedTransition): string => {
  const { revision, actor, event, from, to, host } = entry;
  const told = { revision, at: new Date(at).toISOString(), actor, event, from, to, host };
  return `id: ${id}\nevent: transition\ndata: ${JSON.stringify(told)}\n\n`;
};
const runText = (document: RunDocument): string =>
  `event: run\ndata: ${JSON.stringify(Object.fromEntries(SUMMARY.map((field) => [field, document[field]])))}\n\n`;

/** The first entry after the one that the reader saw last. */
export function placeAfter(log: readonly LoggedTransition[], lastSeen: string | undefined): number {
  if (lastSeen === undefined) return 0;
  const [revision = 0, place = 0] = lastSeen.split(".").map(Number);
  const isLater = ({ id }: LoggedTransition): boolean => {
    const [entryRevision = 0, entryPlace = 0] = id.split(".").map(Number);
    return entryRevision > revision || (entryRevision === revision && entryPlace > place);
  };
  const found = log.findIndex(isLater);
  return found === -1 ? log.length : found;
}

export interface EventStream {
  /** There may be something to send. */
  news(): void;
  /** Ends the stream as soon as what is being written is out. */
  end(): void;
  /**
   * Sends everything from that place of the log on, until the run rests, the reader leaves or the
   * stream is ended.
   */
  serve(watched: WatchedRun, place: number): Promise<void>;
  /** Sends what `take` has whenever there may be news, until it is the last. */
  send(take: () => Taken): Promise<void>;
}

/** What is to be written next; `isWhole` where there is no more at the moment. */
export interface Taken {
  readonly text: string;
  readonly isWhole: boolean;
  readonly isLast: boolean;
}

/**
 * One reader of one run.
 *
 * Owns: its place in the log.
 * Does not own: the log, which all readers of the run share.
 * 1. Nothing is queued for a reader: more is written when what was written before has left for the
 *    network.
 * 2. Every entry has its id, in the order of the log; the state of the run has none and follows
 *    what led to it.
 */
export function createEventStream(reply: FastifyReply, clock: Clock): EventStream {
  let wake = Promise.withResolvers<void>();
  // Whoever left while the request was looked at closes nothing any more.
  let isOver = reply.raw.destroyed;
  const news = (): void => wake.resolve();
  const end = (): void => {
    isOver = true;
    news();
  };
  reply.sse.onClose(end);

  const write = async (text: string): Promise<void> => {
    if (reply.raw.write(text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const forget = clock.after(SLOW_READER_MS, () => reply.raw.destroy());
    reply.raw.once("drain", resolve).once("close", resolve);
    await promise;
    reply.raw.off("drain", resolve).off("close", resolve);
    forget();
  };

  const send = async (take: () => Taken): Promise<void> => {
    reply.sse.sendHeaders();
    const forget = clock.after(LONGEST_STREAM_MS, end);
    try {
      while (!isOver) {
        wake = Promise.withResolvers();
        const { text, isWhole, isLast } = take();
        if (text !== "") await write(text);
        if (isLast) return;
        if (isWhole) await wake.promise;
      }
    } finally {
      forget();
    }
  };

  return {
    news,
    end,
    send,
    serve({ log, document, resting }, place) {
      let next = place;
      let shown: RunDocument | undefined;
      return send(() => {
        let text = "";
        for (
          let entry = log[next];
          entry !== undefined && text.length < LARGEST_WRITE;
          entry = log[next]
        ) {
          text += textOf(entry, transitionText);
          next += 1;
        }
        const isWhole = next === log.length;
        if (isWhole && document() !== shown) {
          shown = document();
          text += textOf(shown, runText);
        }
        return { text, isWhole, isLast: isWhole && resting() };
      });
    },
  };
}
