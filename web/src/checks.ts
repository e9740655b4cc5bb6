import { useEffect, useRef, useState } from "preact/hooks";
import { post, type Check, type Refusal } from "./api/client.ts";
import { refusalOf } from "./loading.ts";

export type CheckBody = NonNullable<Parameters<typeof post<"/api/v1/questions/check">>[1]>["body"];

export interface Checked {
  readonly query: string;
  /** Undefined while the daemon reads it. */
  readonly found: Check | undefined;
  readonly refusal: Refusal | undefined;
}

/** Whoever types is given so long before the question is read. */
const SETTLED_MS = 500;

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/**
 * How the daemon understands the questions, one after the other: reading takes a worker that runs
 * need too. What was read once is kept.
 */
export function useChecks(bodies: readonly NonNullable<CheckBody>[]): readonly Checked[] {
  const known = useRef(new Map<string, Checked>());
  const [, setTurn] = useState(0);
  const keys = bodies.map((body) => JSON.stringify(body));
  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    const read = async (): Promise<void> => {
      await wait(SETTLED_MS, signal);
      for (const [place, body] of bodies.entries()) {
        const key = keys[place] ?? "";
        while (!signal.aborted && known.current.get(key)?.found === undefined) {
          try {
            const found = await post("/api/v1/questions/check", { body, signal });
            known.current.set(key, { query: body.query, found, refusal: undefined });
          } catch (thrown) {
            if (signal.aborted) return;
            const refusal = refusalOf(thrown);
            known.current.set(key, { query: body.query, found: undefined, refusal });
            setTurn((before) => before + 1);
            if (refusal.code !== "UNREACHABLE" && refusal.code !== "RATE_LIMITED") break;
            await wait((refusal.retryAfter ?? 3) * 1_000, signal);
          }
        }
        setTurn((before) => before + 1);
      }
    };
    void read();
    return () => ended.abort();
  }, [keys.join("\n")]);
  return bodies.map(
    ({ query }, place) =>
      known.current.get(keys[place] ?? "") ?? { query, found: undefined, refusal: undefined },
  );
}
