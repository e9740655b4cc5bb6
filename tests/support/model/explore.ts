import { getAdjacencyMap, type AdjacencyMap } from "xstate/graph";
import type { ActorLogic, AnyMachineSnapshot, AnyStateMachine, EventObject } from "xstate";
import { takenAtStart, takenBy } from "./coverage.ts";

export interface ExploredStep {
  readonly event: EventObject;
  readonly before: AnyMachineSnapshot;
  readonly after: AnyMachineSnapshot;
}

export interface ExploredPath {
  readonly steps: readonly ExploredStep[];
  readonly rows: ReadonlySet<string>;
  readonly states: ReadonlySet<string>;
}

export interface ExploreOptions {
  readonly input: unknown;
  /** The events that the world can bring about in a state. */
  readonly events: (state: AnyMachineSnapshot) => readonly EventObject[];
  /** Equal for states that differ in nothing that matters. */
  readonly serializeState: (state: AnyMachineSnapshot) => string;
  /** What makes one transition different from another: each such kind is in some path. */
  readonly kindOf: (step: ExploredStep) => string;
}

const nameOf = (steps: readonly ExploredStep[]): string =>
  steps.map(({ event }) => JSON.stringify(event)).join(" ");

/**
 * The way to every state, each as short as can be, and every step onwards from there; shortest
 * first.
 */
function everyWay(
  adjacency: AdjacencyMap<AnyMachineSnapshot, EventObject>,
  serializeState: (state: AnyMachineSnapshot) => string,
): ExploredStep[][] {
  const [start] = Object.keys(adjacency);
  const waysTo = new Map<string, readonly ExploredStep[]>(start === undefined ? [] : [[start, []]]);
  const found: ExploredStep[][] = [];
  for (const [key, way] of waysTo) {
    const from = adjacency[key as keyof typeof adjacency];
    for (const { event, state } of Object.values(from?.transitions ?? {})) {
      const onwards = [
        ...way,
        { event, before: (from as { state: AnyMachineSnapshot }).state, after: state },
      ];
      found.push(onwards);
      if (!waysTo.has(serializeState(state))) waysTo.set(serializeState(state), onwards);
    }
  }
  return found;
}

/**
 * Paths from the start that take every kind of transition, each as short as can be; none is the
 * beginning of another.
 */
export function explore(
  machine: AnyStateMachine,
  { input, events, serializeState, kindOf }: ExploreOptions,
): ExploredPath[] {
  const logic = machine as unknown as ActorLogic<AnyMachineSnapshot, EventObject, unknown>;
  const adjacency = getAdjacencyMap(logic, { input, events, serializeState });
  const kinds = new Set<string>();
  const kept = everyWay(adjacency, serializeState).filter((steps) => {
    const last = steps.at(-1);
    if (last === undefined || kinds.has(kindOf(last))) return false;
    kinds.add(kindOf(last));
    return true;
  });
  const names = kept.map(nameOf);
  const isBeginning = (name: string): boolean =>
    names.some((other) => other.startsWith(`${name} `));
  const start = takenAtStart(machine, input);
  return kept
    .filter((_, index) => !isBeginning(names[index] ?? ""))
    .map((steps) => {
      const taken = steps.map(({ before, event }) => takenBy(machine, before, event));
      return {
        steps,
        rows: new Set([...start.rows, ...taken.flatMap(({ rows }) => rows)]),
        states: new Set([...start.states, ...taken.flatMap(({ states }) => states)]),
      };
    });
}
