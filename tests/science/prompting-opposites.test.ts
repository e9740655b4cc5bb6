import { describe, expect, test } from "vitest";
import type { CellGroup } from "../../science/atlas/atlas-index.ts";
import type { PerturbationEntry } from "../../science/knowledge/knowledge.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { expectations } from "../../science/query/read-perturbation.ts";
import { geneticName } from "../../science/query/mention.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { perturbedGroups } from "../../science/prompting/retrieval.ts";
import { mechanistic } from "../../science/prompting/strategies/mechanistic.ts";
import { semantic } from "../../science/prompting/strategies/semantic.ts";
import { askAbout } from "./prompting-queries.ts";
import { atlasIndex } from "./query-atlas.ts";

const knowledge = loadKnowledge();
const { perturbations } = knowledge;

type Effect = "loss" | "gain";

/** An atlas with cells under each of these. */
function atlasOf(held: readonly PerturbationEntry[]) {
  const index = atlasIndex({ cellTypes: ["monocytes"], perturbations: held.map(({ id }) => id) });
  const byId = new Map<string, PerturbationEntry>(held.map((entry) => [entry.id, entry]));
  const groups = index.groups.map((group): CellGroup => {
    const entry = byId.get(group.perturbation);
    if (entry === undefined) return group;
    return { ...group, perturbation: entry.name, perturbation_id: entry.id };
  });
  return [{ index: { ...index, groups }, profile: () => new Float32Array(0) } as never];
}
const everything = atlasOf(perturbations);

/** The question about a gene, as the rules, or the labels of an atlas, read it. */
function askGene(gene: string, effect: Effect, name = geneticName({ gene, effect })) {
  const asked = askAbout({ label: "monocytes" }, { label: name }, { knowledge, atlases: [] });
  const entry = perturbations.find(
    ({ kind, targets }) =>
      kind === "genetic" &&
      targets[0]?.gene === gene &&
      targets[0].action === (effect === "loss" ? "knocks_out" : "overexpresses"),
  );
  return {
    ...asked,
    ...expectations(
      {
        meaning: {
          kind: "perturbation",
          entry: entry ?? null,
          label: name,
          genetic: { gene, effect },
        },
      },
      entry ?? null,
      knowledge,
    ),
    perturbation: {
      ...asked.perturbation,
      id: entry?.id ?? null,
      kind: "genetic" as const,
      external_ids: { hgnc: gene },
      targets: [gene],
    },
  };
}

const offered = (query: StructuredQuery, atlases = everything): Set<string> =>
  new Set(
    [mechanistic, semantic].flatMap((strategy) =>
      strategy
        .propose({ query, knowledge, perturbed: perturbedGroups(atlases), embedded: null })
        .map(({ group }) => group.perturbation_id ?? group.perturbation),
    ),
  );

const GAINS = new Set(["activates", "overexpresses"]);
const LOSSES = new Set(["inhibits", "knocks_out"]);
const acting = (gene: string, actions: ReadonlySet<string>): string[] =>
  perturbations
    .filter(({ targets }) => targets.some((each) => each.gene === gene && actions.has(each.action)))
    .map(({ id }) => id);
const GENES = [
  ...new Set(perturbations.flatMap(({ targets }) => targets.map(({ gene }) => gene))),
].toSorted();
const isCurated = (gene: string, effect: Effect): boolean =>
  askGene(gene, effect).perturbation.id !== null;

describe.each<[Effect, ReadonlySet<string>, ReadonlySet<string>]>([
  ["loss", LOSSES, GAINS],
  ["gain", GAINS, LOSSES],
])("the %s of each gene that the knowledge names", (effect, alike, other) => {
  const uncurated = GENES.filter((gene) => !isCurated(gene, effect));
  const both = (gene: string): string[] =>
    acting(gene, alike).filter((id) => acting(gene, other).includes(id));

  const shown = new Map(uncurated.map((gene) => [gene, offered(askGene(gene, effect))]));
  const standInsOf = (gene: string): ReadonlySet<string> => shown.get(gene) ?? new Set();

  test("is never answered with what does the opposite to it", () => {
    expect(uncurated.length).toBeGreaterThan(200);
    const wrong = uncurated.filter((gene) => {
      const standIns = standInsOf(gene);
      return acting(gene, other).some((id) => standIns.has(id) && !both(gene).includes(id));
    });
    expect(wrong).toEqual([]);
  });

  test("is answered with what does the same to it", () => {
    const refused = uncurated.filter((gene) => {
      const standIns = standInsOf(gene);
      const right = acting(gene, alike);
      return right.length > 0 && !right.some((id) => standIns.has(id));
    });
    expect(refused).toEqual([]);
  });
});

test.each<[string, Effect, string, string]>([
  ["IFNAR2", "loss", "ifn-beta", "ifnar1-knockout"],
  ["EGFR", "loss", "egf", "erlotinib"],
  ["IL6R", "loss", "il-6", "tocilizumab"],
])("%s %s takes no %s, but %s", (gene, effect, opposite, right) => {
  for (const name of [undefined, gene, `sg${gene}`]) {
    const standIns = offered(askGene(gene, effect, name));
    expect(standIns).not.toContain(opposite);
    if (right !== "ifnar1-knockout") expect(standIns).toContain(right);
  }
});

test("no letters bring back what the mechanism rules out, of any two that are curated", () => {
  const wrong = perturbations.flatMap((entry) => {
    const query = askAbout(
      { label: "monocytes" },
      { label: entry.name, id: entry.id },
      { knowledge, atlases: [] },
    );
    const standIns = offered(query);
    return entry.targets.flatMap(({ gene, action }) =>
      acting(gene, GAINS.has(action) ? LOSSES : GAINS)
        .filter((id) => standIns.has(id) && action !== "binds")
        .map((id) => `${entry.id} takes ${id}`),
    );
  });
  expect([...new Set(wrong)]).toEqual([]);
});

test.each(["IFNAR1", "IFNAR2", "IFNGR1", "IFNGR2", "JAK1", "TYK2", "IRF3"])(
  "a loss of %s takes no interferon for its letters",
  (gene) => {
    const given = atlasIndex({
      cellTypes: ["monocytes"],
      perturbations: ["IFNB1", "IFNG", "ifn-x"],
    });
    const named = { IFNB1: "ifn-beta", IFNG: "ifn-gamma" } as Record<string, string>;
    const groups = given.groups.map((group) => ({
      ...group,
      perturbation_id: named[group.perturbation] ?? null,
    }));
    const atlas = [{ index: { ...given, groups }, profile: () => new Float32Array(0) } as never];
    expect([...offered(askGene(gene, "loss"), atlas)]).toEqual([]);
  },
);

describe("several at once", () => {
  const together = (
    parts: NonNullable<StructuredQuery["perturbation"]["combination"]>,
    targets: string[],
  ): StructuredQuery => {
    const name = parts.map((part) => part.name).join(" + ");
    const asked = askAbout({ label: "monocytes" }, { label: name }, { knowledge, atlases: [] });
    const kinds = new Set(parts.map(({ kind }) => kind));
    const kind = kinds.size === 1 ? parts[0]!.kind : "unknown";
    return {
      ...asked,
      perturbation: { ...asked.perturbation, kind, targets, combination: parts },
    };
  };

  test("lost genes take no agonist, two inhibitors no activator", () => {
    const lost = together(
      [
        { id: null, name: "EGFR knockout", kind: "genetic" },
        { id: null, name: "ERBB2 knockout", kind: "genetic" },
      ],
      ["EGFR", "ERBB2"],
    );
    expect(offered(lost)).not.toContain("egf");
    expect(offered(lost)).toContain("erlotinib");
    const inhibited = together(
      [
        { id: "erlotinib", name: "Erlotinib", kind: "drug" },
        { id: "tocilizumab", name: "Tocilizumab", kind: "drug" },
      ],
      ["EGFR", "IL6R"],
    );
    expect(offered(inhibited)).not.toContain("egf");
    expect(offered(inhibited)).toContain("gefitinib");
  });
});
