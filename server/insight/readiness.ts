import { z } from "zod";
import { toHaystackError } from "../../errors.ts";
import type { ServerParts } from "../parts.ts";

const partSchema = z.object({
  ok: z.boolean(),
  problem: z.string().nullable(),
  milliseconds: z.number(),
});
export const readinessSchema = z.object({
  ready: z.boolean(),
  draining: z.boolean(),
  parts: z.object({ store: partSchema, objects: partSchema, job_events: partSchema }),
});
export type Readiness = z.infer<typeof readinessSchema>;

const PART_MS = 2_000;
/** An object of ours that is written over and over. */
const OBJECT = "readyz";
/** A write may cost money. */
const WRITTEN_EVERY_MS = 30_000;
/** Within this time all who ask get the same answer, so that asking costs the parts nothing. */
const KEPT_MS = 1_000;

/** Whether this daemon can do its work; one look at a time. */
export function readinessOf({
  runs,
  objects,
  jobEvents,
  supervisor,
  clock,
}: Pick<
  ServerParts,
  "runs" | "objects" | "jobEvents" | "supervisor" | "clock"
>): () => Promise<Readiness> {
  const look = async (check: () => Promise<unknown>): Promise<Readiness["parts"]["store"]> => {
    const started = clock.elapsed();
    const late = Promise.withResolvers<never>();
    const forget = clock.after(PART_MS, () =>
      late.reject(new Error(`There was no answer within ${PART_MS / 1_000} s.`)),
    );
    try {
      await Promise.race([check(), late.promise]);
      return { ok: true, problem: null, milliseconds: Math.round(clock.elapsed() - started) };
    } catch (thrown) {
      return {
        ok: false,
        problem: toHaystackError(thrown).message,
        milliseconds: Math.round(clock.elapsed() - started),
      };
    } finally {
      forget();
    }
  };
  /** A part that only reads is not ready; one that was written to lately is read. */
  const writtenNowAndThen = (
    write: () => Promise<unknown>,
    read: () => Promise<unknown>,
  ): (() => Promise<unknown>) => {
    let writtenAt: number | undefined;
    return async () => {
      if (writtenAt !== undefined && clock.elapsed() - writtenAt < WRITTEN_EVERY_MS) return read();
      const started = clock.elapsed();
      writtenAt = undefined;
      await write();
      writtenAt = started;
      return undefined;
    };
  };
  const useStore = writtenNowAndThen(
    () => runs.touch(clock.now()),
    () => runs.list({ limit: 1 }),
  );
  const useObjects = writtenNowAndThen(
    () => objects.putText(OBJECT, String(clock.now())),
    () => objects.stat(OBJECT),
  );
  const lookAtAll = async (): Promise<Readiness> => {
    const [store, stored, job_events] = await Promise.all([
      look(useStore),
      look(useObjects),
      look(async () => jobEvents.check?.()),
    ]);
    const { draining } = supervisor.status();
    return {
      ready: !draining && store.ok && stored.ok && job_events.ok,
      draining,
      parts: { store, objects: stored, job_events },
    };
  };
  let last: { readonly at: number; readonly answer: Promise<Readiness> } | undefined;
  return async () => {
    if (last === undefined || clock.elapsed() - last.at >= KEPT_MS)
      last = { at: clock.elapsed(), answer: lookAtAll() };
    const answer = await last.answer;
    const { draining } = supervisor.status();
    return draining ? { ...answer, draining, ready: false } : answer;
  };
}
