import { useEffect, useRef, useState } from "preact/hooks";
import { post, type Check, type Refusal } from "./api/client.ts";
import { pause, waitAfter } from "./api/patience.ts";
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

/** A question that could not be read is read again after this. */
const AGAIN_MS = 3_000;

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
      await pause(SETTLED_MS, signal);
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
            if (!refusal.mayPass) break;
            await pause(waitAfter(refusal.retryAfter, AGAIN_MS), signal);
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
