import { useEffect, useState } from "preact/hooks";
import { get, type Refusal, type Run } from "./api/client.ts";
import { waitAfter } from "./api/patience.ts";
import { follow, type Line } from "./api/stream.ts";
import { refusalOf } from "./loading.ts";
import type { Transition } from "./transition.ts";
import { isAtRest } from "./words.ts";

export interface LiveRun {
  readonly run: Run | undefined;
  readonly transitions: readonly Transition[];
  readonly refusal: Refusal | undefined;
  readonly line: Line;
}

/** News that come together are read together. */
const TOGETHER_MS = 150;
/** Whether a run at rest is still shared is looked for so often. */
const LOOK_MS = 5_000;
const IN_LINE: Line = { lostSince: undefined, why: undefined };

/**
 * One run and its log as they stand, read again at every event of its stream. `turn` begins anew, as
 * after a retry.
 */
export function useLiveRun(id: string, turn: number): LiveRun {
  const [run, setRun] = useState<Run>();
  const [transitions, setTransitions] = useState<readonly Transition[]>([]);
  const [refusal, setRefusal] = useState<Refusal>();
  const [line, setLine] = useState<Line>(IN_LINE);

  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let later: ReturnType<typeof setTimeout> | undefined;
    let rests = false;
    const readOnce = async (): Promise<void> => {
      try {
        const found = await get("/api/v1/runs/{id}", { named: { id }, signal });
        if (signal.aborted) return;
        rests = isAtRest(found);
        setRun(found);
        setRefusal(undefined);
        if (found.shared_with_you === true && rests) lookLater();
      } catch (thrown) {
        if (signal.aborted) return;
        told(thrown);
        const { mayPass, retryAfter } = refusalOf(thrown);
        if (rests || mayPass) lookLater(waitAfter(retryAfter, LOOK_MS));
      }
    };
    const told = (thrown: unknown): void => {
      const why = refusalOf(thrown);
      setRefusal(why);
      if (why.code !== "RUN_NOT_FOUND") return;
      // It was deleted, or is no longer shared: nothing of it stays in sight.
      rests = false;
      setRun(undefined);
      setTransitions([]);
      setLine(IN_LINE);
    };
    // A stream of a run at rest has ended and tells nothing more.
    const lookLater = (ms = LOOK_MS): void => {
      clearTimeout(later);
      later = setTimeout(() => void read(), ms);
    };
    // One after the other, so that an earlier answer never replaces a later one.
    let reading = Promise.resolve();
    const read = (): Promise<void> => (reading = reading.then(readOnce));
    const readSoon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void read();
      }, TOGETHER_MS);
    };
    void read();
    const log = new Map<string, Transition>();
    follow(`/api/v1/runs/${encodeURIComponent(id)}/events`, {
      signal,
      onEvent: ({ event, id: place, data }) => {
        if (event === "transition" && place !== undefined) {
          log.set(place, { ...(data as Omit<Transition, "id">), id: place });
          setTransitions([...log.values()]);
        }
        if (event === "run") rests = isAtRest(data as Run);
        readSoon();
      },
      onLine: (next) => {
        setLine(next);
        if (next.lostSince === undefined) void read();
      },
      isOver: () => rests,
    })
      .then(() => (signal.aborted ? undefined : read()))
      .catch((thrown: unknown) => (signal.aborted ? undefined : told(thrown)));
    return () => {
      ended.abort();
      clearTimeout(later);
      clearTimeout(timer);
    };
  }, [id, turn]);

  // Who cannot be reached is told of by the line; what is shown stays.
  const isLost = refusal?.code === "UNREACHABLE";
  return {
    run,
    transitions,
    refusal: isLost && run !== undefined ? undefined : refusal,
    line: isLost && line.lostSince === undefined ? { lostSince: Date.now(), why: undefined } : line,
  };
}
