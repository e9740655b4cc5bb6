import type { StateValue } from "xstate";
import { sanitise } from "./sanitise.ts";

/** One actor of a run as its stored snapshot has it: the machine, a child machine or a step. */
export interface ActorNode {
  /** "run", or the invoke id. */
  readonly id: string;
  /** Name of its machine or step. */
  readonly source: string;
  readonly status: string;
  /** The machine state; null for a step. */
  readonly state: StateValue | null;
  /** Milliseconds; the time that it waits for. */
  readonly wake_at: number | null;
  readonly context: Record<string, unknown>;
  readonly children: readonly ActorNode[];
}

interface PersistedActor {
  readonly status?: string;
  readonly value?: StateValue;
  readonly context?: { readonly wake_at?: number | null };
  readonly children?: Readonly<
    Record<string, { readonly src: unknown; readonly snapshot: PersistedActor }>
  >;
}

function node(
  id: string,
  source: string,
  { status, value, context, children }: PersistedActor,
): ActorNode {
  return {
    id,
    source,
    status: status ?? "active",
    state: value ?? null,
    wake_at: context?.wake_at ?? null,
    context: sanitise(context ?? {}),
    children: Object.entries(children ?? {}).map(([childId, { src, snapshot }]) =>
      node(childId, typeof src === "string" ? src : childId, snapshot),
    ),
  };
}

/** The machine of a run and its children, from a stored snapshot; contexts sanitised. */
export const actorTree = (snapshot: string): ActorNode =>
  node("run", "run", JSON.parse(snapshot) as PersistedActor);
