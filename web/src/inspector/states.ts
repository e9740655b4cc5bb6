import type { Transition } from "../transition.ts";

/** What machines are made of, and which of their states a committed log says they are in. */

export interface Arrow {
  readonly event: string;
  readonly guard: string;
  /** Names joined by commas. */
  readonly actions: string;
  /** Path from the root; empty for a transition that stays where it is. */
  readonly target: string;
}

/** A state, and what is in it. */
export interface StateNode {
  readonly key: string;
  readonly type: string;
  readonly initial: string | null;
  readonly entry: readonly string[];
  readonly invokes: readonly { readonly id: string; readonly source: string }[];
  readonly transitions: readonly Arrow[];
  readonly states: readonly StateNode[];
}

/** Everything that one durable write told. */
export interface Commit {
  readonly revision: string;
  readonly at: string;
  readonly transitions: readonly Transition[];
}

export function commitsOf(transitions: readonly Transition[]): Commit[] {
  const found = Map.groupBy(transitions, ({ id }) => id.slice(0, id.indexOf(".")));
  return [...found].map(([revision, together]) => ({
    revision,
    at: together[together.length - 1]?.at ?? "",
    transitions: together,
  }));
}

/** The name under which the log has the run's own machine. */
export const RUN = "run";

/** The state text of each actor after the first `count` commits; nothing that has not begun. */
export function textsAfter(commits: readonly Commit[], count: number): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const first = commits[0]?.transitions.find(({ actor }) => actor === RUN);
  if (first !== undefined) texts.set(RUN, first.from === "" ? first.to : first.from);
  for (const { transitions } of commits.slice(0, count))
    for (const { actor, to } of transitions) texts.set(actor, to);
  return texts;
}

/** `a.b.c` is in a, a.b and a.b.c. */
const outwards = (path: readonly string[]): string[] =>
  path.map((_, place) => path.slice(0, place + 1).join("."));

/**
 * All states that a text names, outer ones too: `a.b.x|c.y` is a, a.b, a.b.x, a.c and a.c.y. Regions
 * are equally deep; what the first has before that is the state they are in.
 */
function pathsOf(text: string): string[] {
  const [first = [], ...others] = text.split("|").map((part) => part.split("."));
  const outer = first.slice(0, first.length - (others[0]?.length ?? 0));
  const paths = [first, ...others.map((region) => [...outer, ...region])];
  return [...new Set(paths.flatMap(outwards))];
}

/** The states of a machine by path, its root under the empty one. */
export function nodesOf(root: StateNode): ReadonlyMap<string, StateNode> {
  const found = new Map<string, StateNode>();
  const walk = (node: StateNode, path: string): void => {
    found.set(path, node);
    for (const child of node.states) walk(child, path === "" ? child.key : `${path}.${child.key}`);
  };
  walk(root, "");
  return found;
}

/** A machine and who runs it: the run itself, or a child under the names of its invocations. */
export interface Actor {
  /** As the log has it: `run`, `predictionJob`, `predictionJob.stopJobs`. */
  readonly name: string;
  readonly machine: StateNode;
}

const childOf = (parent: string, id: string): string => (parent === RUN ? id : `${parent}.${id}`);

/** The run and every child machine that may be invoked in it, however deep. */
export function actorsOf(machines: readonly StateNode[]): Actor[] {
  const machineOf = new Map(machines.map((machine) => [machine.key, machine]));
  const found = new Map<string, Actor>();
  const take = (name: string, machine: StateNode): void => {
    if (found.has(name)) return;
    found.set(name, { name, machine });
    for (const { invokes } of nodesOf(machine).values())
      for (const { id, source } of invokes) {
        const child = machineOf.get(source);
        if (child !== undefined) take(childOf(name, id), child);
      }
  };
  const run = machineOf.get(RUN);
  if (run !== undefined) take(RUN, run);
  return [...found.values()];
}

/**
 * The states that each actor is in. A child is there while a state that invokes it lasts; what the log
 * tells of it beyond that is past.
 */
export function litStates(
  actors: readonly Actor[],
  texts: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly string[]> {
  const machineOf = new Map(actors.map(({ name, machine }) => [name, machine]));
  const lit = new Map<string, readonly string[]>();
  const light = (name: string): void => {
    const text = texts.get(name);
    const machine = machineOf.get(name);
    if (text === undefined || machine === undefined) return;
    const paths = pathsOf(text);
    lit.set(name, paths);
    const nodes = nodesOf(machine);
    for (const path of paths)
      for (const { id } of nodes.get(path)?.invokes ?? []) light(childOf(name, id));
  };
  light(RUN);
  return lit;
}
