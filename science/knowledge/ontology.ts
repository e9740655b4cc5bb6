import type { CellTypeEntry, Knowledge } from "./knowledge.ts";

/**
 * The is_a graph of the cell types in the knowledge. Ids are Cell Ontology ids; unknown ids have no
 * relatives.
 */

interface Graph {
  readonly entries: ReadonlyMap<string, CellTypeEntry>;
  readonly children: ReadonlyMap<string, readonly string[]>;
}

const graphs = new WeakMap<Knowledge, Graph>();

/** All cell types that `id` is a kind of, itself excluded. */
export function ancestors(knowledge: Knowledge, id: string): ReadonlySet<string> {
  const { entries } = graphOf(knowledge);
  return new Set(
    [...stepsFrom(id, (at) => entries.get(at)?.parents ?? []).keys()].filter(
      (other) => other !== id,
    ),
  );
}

/** All cell types that are a kind of `id`, itself excluded. */
export function descendants(knowledge: Knowledge, id: string): ReadonlySet<string> {
  const { children } = graphOf(knowledge);
  return new Set(
    [...stepsFrom(id, (at) => children.get(at) ?? []).keys()].filter((other) => other !== id),
  );
}

/**
 * Number of is_a steps between two cell types over their nearest common ancestor (edge counting:
 * Rada et al. 1989, IEEE Trans. Syst. Man Cybern. 19:17-30); 0 for the same, null when either is
 * null or not in the knowledge.
 */
export function ontologyDistance(
  knowledge: Knowledge,
  a: string | null,
  b: string | null,
): number | null {
  const { entries } = graphOf(knowledge);
  if (a === null || b === null || !entries.has(a) || !entries.has(b)) return null;
  const parentsOf = (id: string): readonly string[] => entries.get(id)?.parents ?? [];
  const fromB = stepsFrom(b, parentsOf);
  let nearest: number | null = null;
  for (const [id, steps] of stepsFrom(a, parentsOf)) {
    const other = fromB.get(id);
    if (other !== undefined && (nearest === null || steps + other < nearest))
      nearest = steps + other;
  }
  return nearest;
}

/** Breadth first: every node reached from `start` with the fewest steps to it. */
function stepsFrom(start: string, next: (id: string) => readonly string[]): Map<string, number> {
  const steps = new Map([[start, 0]]);
  // A Map is iterated in insertion order and sees what is added meanwhile.
  for (const [id, count] of steps) {
    for (const other of next(id)) if (!steps.has(other)) steps.set(other, count + 1);
  }
  return steps;
}

function graphOf(knowledge: Knowledge): Graph {
  const known = graphs.get(knowledge);
  if (known !== undefined) return known;
  const children = new Map<string, string[]>();
  for (const { id, parents } of knowledge.cellTypes) {
    for (const parent of parents) children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const graph = {
    entries: new Map(knowledge.cellTypes.map((entry) => [entry.id, entry])),
    children,
  };
  graphs.set(knowledge, graph);
  return graph;
}
