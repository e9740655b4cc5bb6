import type { AnyActorRef, AnyMachineSnapshot } from "xstate";

const isMachine = (snapshot: object): snapshot is AnyMachineSnapshot => "machine" in snapshot;

/**
 * A machine and its children as plain JSON: what XState's getPersistedSnapshot gives, without its search for actors in every context.
 * Ours hold references and numbers only, and the search takes longer than all the rest (a test holds both equal).
 */
export function persistedSnapshot(actor: AnyActorRef): unknown {
  const snapshot: object = actor.getSnapshot() as object;
  if (!isMachine(snapshot)) return (actor as unknown as { getPersistedSnapshot(): unknown }).getPersistedSnapshot();
  const { _nodes, tags, machine, children, can, hasTag, matches, getMeta, toJSON, ...plain } = snapshot;
  const persisted: Record<string, unknown> = {};
  for (const [id, child] of Object.entries(children)) {
    const { src, systemId, _syncSnapshot: syncSnapshot } = child as AnyActorRef & { readonly systemId?: string; readonly _syncSnapshot: boolean };
    persisted[id] = { snapshot: persistedSnapshot(child as AnyActorRef), src, systemId, syncSnapshot };
  }
  return { ...plain, children: persisted };
}
