import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, type FollowedRun, type ListedRun, type Refusal } from "./api/client.ts";
import { waitAfter } from "./api/patience.ts";
import { follow, type Line } from "./api/stream.ts";
import { refusalOf } from "./loading.ts";
import { isAtRest } from "./words.ts";

export interface Filter {
  readonly status: string | undefined;
  readonly text: string | undefined;
  readonly label: readonly string[];
  readonly all: boolean;
  /** What others share, instead of the own runs. */
  readonly shared: boolean;
}

export interface LiveRuns {
  /** Newest first; undefined while they are read for the first time. */
  readonly runs: readonly ListedRun[] | undefined;
  readonly refusal: Refusal | undefined;
  readonly line: Line;
  readonly hasMore: boolean;
  more(): Promise<void>;
  /** Reads the list again, as after something was asked of its runs. */
  again(): void;
}

const PAGE = 100;
/** Runs that others submit show after this at the latest; those in the list by the event stream. */
const LOOK_MS = 5_000;
/** What one stream follows. */
const FOLLOWED = 100;
/** Characters; servers and proxies take twice that. */
const LONGEST_ADDRESS = 4_000;

const IN_LINE: Line = { lostSince: undefined, why: undefined };

const askedFor = ({ status, text, label, all, shared }: Filter) => ({
  ...(status === undefined ? {} : { status: status as ListedRun["status"] }),
  ...(text === undefined ? {} : { text }),
  ...(label.length === 0 ? {} : { label: [...label] }),
  ...(all ? { all: "true" as const } : {}),
  ...(shared ? { shared: "true" as const } : {}),
});

const newest = (a: ListedRun, b: ListedRun): number =>
  a.created_at === b.created_at
    ? b.run_id.localeCompare(a.run_id)
    : b.created_at.localeCompare(a.created_at);

/**
 * The first page as it now stands, and what was read beyond it. What the stream told while the page
 * was read is newer.
 */
function joined(known: readonly ListedRun[], read: readonly ListedRun[]): readonly ListedRun[] {
  const knownOf = new Map(known.map((run) => [run.run_id, run]));
  const page = read.map((run) => {
    const before = knownOf.get(run.run_id);
    return before !== undefined && before.updated_at > run.updated_at ? before : run;
  });
  const last = page[page.length - 1];
  const isBeyond = (run: ListedRun): boolean => last !== undefined && newest(last, run) < 0;
  const beyond = page.length < PAGE ? [] : known.filter(isBeyond);
  return [...page, ...beyond];
}

/** Ids of those that change by themselves, as many as the address of a stream may name. */
function followable(runs: readonly ListedRun[]): string[] {
  let length = 0;
  return runs
    .filter((run) => !isAtRest(run))
    .slice(0, FOLLOWED)
    .map(({ run_id }) => run_id)
    .filter((id) => (length += encodeURIComponent(id).length + 4) < LONGEST_ADDRESS)
    .toSorted();
}

/** The runs that a filter finds, kept as they stand. */
export function useLiveRuns(filter: Filter): LiveRuns {
  const [runs, setRuns] = useState<readonly ListedRun[]>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [looked, setLooked] = useState<Line>(IN_LINE);
  const [streamed, setStreamed] = useState<Line>(IN_LINE);
  const [cursor, setCursor] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(filter);
  const shownKey = useRef(key);
  const beyondFirst = useRef(false);
  const again = useCallback(() => setTurn((before) => before + 1), []);

  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (shownKey.current !== key) {
      setRuns(undefined);
      beyondFirst.current = false;
    }
    shownKey.current = key;
    const look = async (): Promise<void> => {
      let next = LOOK_MS;
      try {
        const page = await get("/api/v1/runs", {
          asked: { ...askedFor(filter), limit: PAGE },
          signal: ended.signal,
        });
        setRuns((known) => joined(known ?? [], page.runs));
        if (!beyondFirst.current) setCursor(page.next_cursor);
        setRefusal(undefined);
        setLooked(IN_LINE);
      } catch (thrown) {
        if (ended.signal.aborted) return;
        const told = refusalOf(thrown);
        next = waitAfter(told.retryAfter, LOOK_MS);
        if (told.code === "UNREACHABLE")
          setLooked(({ lostSince }) => ({ lostSince: lostSince ?? Date.now(), why: told.message }));
        else setRefusal(told);
      }
      if (!ended.signal.aborted) timer = setTimeout(() => void look(), next);
    };
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [key, turn]);

  const wanted = followable(runs ?? []).join("\n");
  const [followed, setFollowed] = useState("");
  // A stream is kept while it has all that is wanted: a run that comes to rest opens none anew.
  useEffect(() => {
    const held = new Set(followed.split("\n"));
    if (wanted === "" || wanted.split("\n").some((id) => !held.has(id))) setFollowed(wanted);
  }, [wanted]);
  useEffect(() => {
    const ended = new AbortController();
    const ids = followed.split("\n").filter((id) => id !== "");
    const query = ids.map((id) => `id=${encodeURIComponent(id)}`).join("&");
    // Changes that come together are shown together: one frame, however many runs.
    const news = new Map<string, FollowedRun>();
    let frame: number | undefined;
    const show = (): void => {
      frame = undefined;
      const those = new Map(news);
      news.clear();
      // What has just changed has a host.
      setRuns((known) =>
        known?.map((run) => {
          const told = those.get(run.run_id);
          if (told === undefined) return run;
          return {
            ...told,
            interrupted: told.updated_at === run.updated_at && run.interrupted,
          };
        }),
      );
    };
    if (ids.length === 0) setStreamed(IN_LINE);
    else
      void follow(`/api/v1/events?${query}`, {
        signal: ended.signal,
        onEvent: ({ event, data }) => {
          if (event !== "run") return;
          const run = data as FollowedRun;
          news.set(run.run_id, run);
          frame ??= requestAnimationFrame(show);
        },
        onLine: setStreamed,
        isOver: () => false,
      }).catch((thrown: unknown) => setRefusal(refusalOf(thrown)));
    return () => {
      ended.abort();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [followed]);

  const more = async (): Promise<void> => {
    if (cursor === null) return;
    try {
      const page = await get("/api/v1/runs", {
        asked: { ...askedFor(filter), limit: PAGE, cursor },
      });
      beyondFirst.current = true;
      setRuns((known = []) => {
        const held = new Set(known.map(({ run_id }) => run_id));
        return [...known, ...page.runs.filter(({ run_id }) => !held.has(run_id))];
      });
      setCursor(page.next_cursor);
    } catch (thrown) {
      setRefusal(refusalOf(thrown));
    }
  };

  return {
    runs,
    refusal,
    line: streamed.lostSince === undefined ? looked : streamed,
    hasMore: cursor !== null,
    more,
    again,
  };
}
