import type { AnyStateMachine, AnyStateNode } from "xstate";

export interface TransitionRow {
  readonly state: string;
  readonly event: string;
  readonly guard: string;
  readonly target: string;
  readonly actions: string;
}

const nameOf = (thing: unknown): string => (typeof thing === "string" ? thing : ((thing as { type?: string } | undefined)?.type ?? ""));

function walk(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(walk)];
}

const pathOf = (node: AnyStateNode): string => (node.path.length === 0 ? "(any)" : node.path.join("."));

/** Every transition of a machine, in the order of its definition. */
export function transitionTable(machine: AnyStateMachine): TransitionRow[] {
  return walk(machine.root).flatMap((node) => {
    const transitions = [...node.transitions.values()].flat();
    return [...transitions, ...(node.always ?? [])].map(({ eventType, guard, target, actions }) => ({
      state: pathOf(node),
      event: eventType === "" ? "always" : eventType.replace(/^xstate\.(done|error)\.actor\./, "$1: ").replace(/^xstate\.done\.state\..*$/, "done"),
      guard: nameOf(guard),
      target: target?.map(pathOf).join(", ") ?? "",
      actions: actions.map(nameOf).join(", "),
    }));
  });
}
