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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const objectOf = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});

/** The last millisecond that has a date. */
const LAST_TIME = 8_640_000_000_000_000;

/** Another program may have written anything in place of any of it. */
function node(id: string, source: string, persisted: Record<string, unknown>): ActorNode {
  const { status, value, children } = persisted;
  const context = objectOf(persisted["context"]);
  const { wake_at } = context;
  return {
    id,
    source,
    status: typeof status === "string" ? status : "active",
    state: typeof value === "string" || isObject(value) ? (value as StateValue) : null,
    wake_at:
      typeof wake_at === "number" && Math.abs(wake_at) <= LAST_TIME ? Math.trunc(wake_at) : null,
    context: sanitise(context),
    children: Object.entries(objectOf(children)).map(([childId, child]) => {
      const { src, snapshot } = objectOf(child);
      return node(childId, typeof src === "string" ? src : childId, objectOf(snapshot));
    }),
  };
}

/**
 * The machine of a run and its children, from a stored snapshot; contexts sanitised. Null where
 * there is none, or none that can be read.
 */
export function actorTree(snapshot: string | null): ActorNode | null {
  if (snapshot === null) return null;
  try {
    const persisted: unknown = JSON.parse(snapshot);
    return isObject(persisted) ? node("run", "run", persisted) : null;
  } catch {
    return null;
  }
}
