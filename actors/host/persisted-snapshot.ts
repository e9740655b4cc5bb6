import type { AnyActorRef, AnyMachineSnapshot } from "xstate";
import { HaystackError } from "../../errors.ts";
import { jsonText } from "../../json-text.ts";
import type { RunContext } from "../../machines/run-types.ts";

const isMachine = (snapshot: object): snapshot is AnyMachineSnapshot => "machine" in snapshot;

/**
 * A machine and its children as plain JSON: what XState's getPersistedSnapshot gives, without its
 * search for actors in every context. Ours hold references and numbers only, and the search takes
 * longer than all the rest (a test holds both equal).
 */
export function persistedSnapshot(actor: AnyActorRef): object {
  const snapshot: object = actor.getSnapshot() as object;
  if (!isMachine(snapshot))
    return (actor as unknown as { getPersistedSnapshot(): object }).getPersistedSnapshot();
  const { status, output, error, context, value, historyValue, children } = snapshot;
  const persisted: Record<string, unknown> = {};
  for (const [id, child] of Object.entries(children)) {
    const {
      src,
      systemId,
      _syncSnapshot: syncSnapshot,
    } = child as AnyActorRef & { readonly systemId?: string; readonly _syncSnapshot: boolean };
    persisted[id] = {
      snapshot: persistedSnapshot(child as AnyActorRef),
      src,
      systemId,
      syncSnapshot,
    };
  }
  return { status, output, error, context, value, historyValue, children: persisted };
}

/** The JSON text of a run's persisted snapshot. */
export function snapshotText(persisted: object): string {
  const { context } = persisted as { readonly context: RunContext };
  return `{"context":${jsonText(context, ["config", "structured_query", "iterations", "jobs"])},${JSON.stringify({ ...persisted, context: undefined }).slice(1)}`;
}

/**
 * A snapshot holds references, not data: over the first size it is reported, over the second the
 * run fails.
 */
const SNAPSHOT_WARNING_BYTES = 64 * 1024;
const SNAPSHOT_LIMIT_BYTES = 4 * 1024 * 1024;

/** Bytes in UTF-8: counted only where they could pass the budget, as most texts are far from it. */
const sizeOf = (text: string): number =>
  text.length * 3 <= SNAPSHOT_WARNING_BYTES ? text.length : Buffer.byteLength(text);

/**
 * Checks each new text of a run's snapshot. Error SNAPSHOT_TOO_LARGE over the limit; `onTrouble`
 * hears of it once when it grows over the budget.
 */
export function snapshotBudget(
  runId: string,
  stored: string,
  onTrouble: (error: HaystackError) => void,
): (text: string) => void {
  let before = sizeOf(stored);
  return (text) => {
    const size = sizeOf(text);
    const grown = `The state of run ${runId} has grown to ${size} bytes`;
    if (size > SNAPSHOT_LIMIT_BYTES)
      throw new HaystackError(
        "SNAPSHOT_TOO_LARGE",
        `${grown}; it may hold references only. Report this.`,
      );
    if (size > SNAPSHOT_WARNING_BYTES && before <= SNAPSHOT_WARNING_BYTES)
      onTrouble(
        new HaystackError(
          "SNAPSHOT_TOO_LARGE",
          `${grown}, over the budget of ${SNAPSHOT_WARNING_BYTES}.`,
        ),
      );
    before = size;
  };
}
