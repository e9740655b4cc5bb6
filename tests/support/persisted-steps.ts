import type { StateValue } from "xstate";
import type { JobRecord } from "../../machines/run-types.ts";

/** A stored machine snapshot, as far as tests read it. */
export interface Persisted {
  readonly value?: StateValue;
  readonly status: string;
  readonly context?: unknown;
  readonly children?: Readonly<Record<string, { readonly snapshot: Persisted }>>;
}

export interface Invocation {
  readonly id: string;
  /** Of the machine that invoked the step. */
  readonly context: { readonly job?: JobRecord };
}

/** The steps that a snapshot has under way, in the machine and its children. */
export function invocations({ children, context }: Persisted): Invocation[] {
  return Object.entries(children ?? {}).flatMap(([id, { snapshot }]): Invocation[] => {
    if (snapshot.status !== "active") return [];
    return snapshot.value === undefined
      ? [{ id, context: context as Invocation["context"] }]
      : invocations(snapshot);
  });
}
