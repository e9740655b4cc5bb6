import type { AnyStateMachine, AnyStateNode } from "xstate";

export interface TransitionRow {
  readonly state: string;
  readonly event: string;
  readonly guard: string;
  readonly target: string;
  readonly actions: string;
}

const nameOf = (thing: unknown): string =>
  typeof thing === "string" ? thing : ((thing as { type?: string } | undefined)?.type ?? "");

function walk(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(walk)];
}

const pathOf = (node: AnyStateNode): string =>
  node.path.length === 0 ? "(any)" : node.path.join(".");

/** Every transition of a machine, in the order of its definition. */
export function transitionTable(machine: AnyStateMachine): TransitionRow[] {
  return walk(machine.root).flatMap((node) => {
    const transitions = [...node.transitions.values()].flat();
    return [...transitions, ...(node.always ?? [])].map(
      ({ eventType, guard, target, actions }) => ({
        state: pathOf(node),
        event:
          eventType === ""
            ? "always"
            : eventType
                .replace(/^xstate\.(done|error)\.actor\./, "$1: ")
                .replace(/^xstate\.done\.state\..*$/, "done"),
        guard: nameOf(guard),
        target: target?.map(pathOf).join(", ") ?? "",
        actions: actions.map(nameOf).join(", "),
      }),
    );
  });
}

/** One state of a machine with what happens in it. Names only: no functions, no contexts. */
export interface StateDescription {
  readonly key: string;
  readonly type: string;
  /** Where a compound state begins. */
  readonly initial: string | null;
  readonly entry: readonly string[];
  /** Steps and child machines that work while the state lasts. */
  readonly invokes: readonly { readonly id: string; readonly source: string }[];
  readonly transitions: readonly Omit<TransitionRow, "state">[];
  readonly states: readonly StateDescription[];
}

function describeNode(
  node: AnyStateNode,
  rows: ReadonlyMap<string, readonly TransitionRow[]>,
): StateDescription {
  const initial = node.initial?.target[0]?.key ?? null;
  return {
    key: node.key,
    type: node.type,
    initial: node.type === "compound" ? initial : null,
    entry: node.entry.map(nameOf),
    invokes: node.invoke.map(({ id, src }) => ({ id, source: typeof src === "string" ? src : id })),
    transitions: (rows.get(pathOf(node)) ?? []).map(({ event, guard, target, actions }) => ({
      event,
      guard,
      target,
      actions,
    })),
    states: Object.values(node.states).map((child) => describeNode(child, rows)),
  };
}

/** The states of a machine as a tree. */
export const describeMachine = (machine: AnyStateMachine): StateDescription =>
  describeNode(
    machine.root,
    Map.groupBy(transitionTable(machine), ({ state }) => state),
  );
