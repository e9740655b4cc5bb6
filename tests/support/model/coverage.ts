import {
  getInitialMicrosteps,
  getMicrosteps,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type EventObject,
  type StateValue,
} from "xstate";
import { transitionTable, type TransitionRow } from "../../../machines/describe-machine.ts";

/**
 * Which rows of its transition table and which states a machine goes through, found by its own
 * microsteps.
 */

const rowKey = ({ id }: AnyStateMachine, { state, event, guard, target }: TransitionRow): string =>
  [id, state, event, guard, target].join(" | ");

const leavesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(leavesOf),
];

export const allRows = (machine: AnyStateMachine): string[] =>
  transitionTable(machine).map((row) => rowKey(machine, row));
export const allStates = (machine: AnyStateMachine): string[] =>
  leavesOf(machine.root)
    .filter((node) => node.path.length > 0)
    .map((node) => `${machine.id} | ${node.path.join(".")}`);

function statesIn(machine: AnyStateMachine, value: StateValue): string[] {
  const walk = (part: StateValue, path: readonly string[]): string[] =>
    typeof part === "string"
      ? [[...path, part].join(".")]
      : Object.entries(part).flatMap(([key, inner]) => [
          [...path, key].join("."),
          ...(inner === undefined ? [] : walk(inner, [...path, key])),
        ]);
  return walk(value, []).map((state) => `${machine.id} | ${state}`);
}

const isIn = (machine: AnyStateMachine, snapshot: AnyMachineSnapshot, state: string): boolean =>
  state === "(any)" ||
  statesIn(machine, snapshot.value as StateValue).includes(`${machine.id} | ${state}`);

interface Taken {
  readonly rows: readonly string[];
  readonly states: readonly string[];
}

type Microsteps = readonly (readonly [AnyMachineSnapshot, unknown])[];

/**
 * Transitions without an event from outside (always, and done of a compound state): the source is
 * left between two microsteps and the target entered. Those of one state have different targets.
 */
function internalRows(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  after: AnyMachineSnapshot,
): string[] {
  return transitionTable(machine)
    .filter(
      ({ event, state, target }) =>
        (event === "always" || event === "done") &&
        isIn(machine, before, state) &&
        !isIn(machine, after, state) &&
        isIn(machine, after, target),
    )
    .map((row) => rowKey(machine, row));
}

function follow(
  machine: AnyStateMachine,
  first: AnyMachineSnapshot,
  microsteps: Microsteps,
): { rows: string[]; states: string[] } {
  const snapshots = [first, ...microsteps.map(([snapshot]) => snapshot)];
  return {
    rows: snapshots
      .slice(1)
      .flatMap((snapshot, index) => internalRows(machine, snapshots[index] ?? first, snapshot)),
    states: snapshots.flatMap((snapshot) => statesIn(machine, snapshot.value as StateValue)),
  };
}

export function takenBy(
  machine: AnyStateMachine,
  before: AnyMachineSnapshot,
  event: EventObject,
): Taken {
  const table = transitionTable(machine);
  const definitions = [...leavesOf(machine.root)].flatMap((node) => [
    ...[...node.transitions.values()].flat(),
    ...(node.always ?? []),
  ]);
  const selected = new Set(machine.getTransitionData(before, event) ?? []);
  const byEvent = definitions.flatMap((definition, index) => {
    const row = table[index];
    return selected.has(definition) && row !== undefined ? [rowKey(machine, row)] : [];
  });
  const internal = follow(machine, before, getMicrosteps(machine, before, event) as Microsteps);
  return { rows: [...byEvent, ...internal.rows], states: internal.states };
}

export function takenAtStart(machine: AnyStateMachine, input: unknown): Taken {
  const microsteps = getInitialMicrosteps(machine, input as never) as Microsteps;
  const first = microsteps[0]?.[0];
  return first === undefined
    ? { rows: [], states: [] }
    : follow(machine, first, microsteps.slice(1));
}
