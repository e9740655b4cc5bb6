import type { AnyActorRef, AnyMachineSnapshot } from "xstate";
import { jsonText } from "../json-text.ts";
import type { RunContext } from "../machines/run-types.ts";

const isMachine = (snapshot: object): snapshot is AnyMachineSnapshot => "machine" in snapshot;

/**
 * A machine and its children as plain JSON: what XState's getPersistedSnapshot gives, without its search for actors in every context.
 * Ours hold references and numbers only, and the search takes longer than all the rest (a test holds both equal).
 */
export function persistedSnapshot(actor: AnyActorRef): object {
  const snapshot: object = actor.getSnapshot() as object;
  if (!isMachine(snapshot)) return (actor as unknown as { getPersistedSnapshot(): object }).getPersistedSnapshot();
  const { status, output, error, context, value, historyValue, children } = snapshot;
  const persisted: Record<string, unknown> = {};
  for (const [id, child] of Object.entries(children)) {
    const { src, systemId, _syncSnapshot: syncSnapshot } = child as AnyActorRef & { readonly systemId?: string; readonly _syncSnapshot: boolean };
    persisted[id] = { snapshot: persistedSnapshot(child as AnyActorRef), src, systemId, syncSnapshot };
  }
  return { status, output, error, context, value, historyValue, children: persisted };
}

/** The JSON text of a run's persisted snapshot. */
export function snapshotText(persisted: object): string {
  const { context } = persisted as { readonly context: RunContext };
  return `{"context":${jsonText(context, ["config", "structured_query", "iterations", "jobs"])},${JSON.stringify({ ...persisted, context: undefined }).slice(1)}`;
}
