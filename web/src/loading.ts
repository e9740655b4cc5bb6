import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "./api/client.ts";
import { waitAfter } from "./api/patience.ts";

export interface Loaded<Content> {
  /** What was read last; kept while it is read again. */
  readonly content: Content | undefined;
  readonly refusal: Refusal | undefined;
  /** Since when the daemon cannot be reached; milliseconds. */
  readonly lostSince: number | undefined;
  again(): void;
}

const AGAIN_MS = 3_000;

export const refusalOf = (thrown: unknown): Refusal =>
  thrown instanceof Refusal
    ? thrown
    : new Refusal(thrown instanceof Error ? thrown.message : String(thrown), "INTERNAL");

/**
 * Reads something, again whenever `keys` change, and every `everyMs` if that is given. Where the
 * daemon cannot be reached it is tried until it can.
 */
export function useLoaded<Content>(
  read: (signal: AbortSignal) => Promise<Content>,
  keys: readonly unknown[],
  { everyMs }: { readonly everyMs?: number | undefined } = {},
): Loaded<Content> {
  const [state, setState] = useState<Omit<Loaded<Content>, "again">>({
    content: undefined,
    refusal: undefined,
    lostSince: undefined,
  });
  const [turn, setTurn] = useState(0);
  const reading = useRef(read);
  reading.current = read;
  const shownFor = useRef<readonly unknown[]>(keys);

  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (shownFor.current.some((key, place) => key !== keys[place]))
      setState({ content: undefined, refusal: undefined, lostSince: undefined });
    shownFor.current = keys;
    const look = async (): Promise<void> => {
      let next = everyMs;
      try {
        const content = await reading.current(ended.signal);
        if (!ended.signal.aborted) setState({ content, refusal: undefined, lostSince: undefined });
      } catch (thrown) {
        if (ended.signal.aborted) return;
        const refusal = refusalOf(thrown);
        if (refusal.mayPass) {
          next = waitAfter(refusal.retryAfter, AGAIN_MS);
          setState(({ content, lostSince }) => ({
            content,
            refusal,
            lostSince: lostSince ?? Date.now(),
          }));
        } else setState({ content: undefined, refusal, lostSince: undefined });
      }
      if (next !== undefined && !ended.signal.aborted) timer = setTimeout(() => void look(), next);
    };
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [...keys, turn, everyMs]);

  return { ...state, again: useCallback(() => setTurn((before) => before + 1), []) };
}

/** The time, often enough for what is told in the unit of ages. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
