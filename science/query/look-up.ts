import { z } from "zod";
import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import {
  knowledgeTerms,
  resolveCellTypeLabel,
  resolvePerturbationLabel,
} from "../knowledge/resolve.ts";
import { cellTypeLabels, collectAtlasLabels, perturbationLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";

/**
 * Read-only look-ups in the curated knowledge and the atlases, for a language model that reads a
 * question.
 */

interface Sources {
  readonly knowledge: Knowledge;
  readonly atlases: readonly AtlasIndex[];
  readonly labels: AtlasLabels;
}

interface LookUp<Parameters extends z.ZodType> {
  readonly description: string;
  readonly parameters: Parameters;
  readonly find: (parameters: z.infer<Parameters>, sources: Sources) => unknown;
}

const lookUpOf = <Parameters extends z.ZodType>(
  description: string,
  parameters: Parameters,
  find: LookUp<Parameters>["find"],
): LookUp<Parameters> => ({ description, parameters, find });

const NEAREST = 5;
const LISTED = 60;
const UNKNOWN_ID = { error: "No perturbation has this id; ask resolve_perturbation for ids." };

const named = z.strictObject({ name: z.string().max(200) });
const identified = z.strictObject({ perturbation_id: z.string().max(100) });

export const LOOK_UPS = {
  resolve_cell_type: lookUpOf(
    "The cell type that a name means, its Cell Ontology id and its labels in the atlases; else the nearest names.",
    named,
    ({ name }, { knowledge, labels }) => {
      const found = resolveCellTypeLabel(name, knowledge);
      const describe = ({ id, name: known }: Knowledge["cellTypes"][number]) => {
        const entry = knowledge.cellTypes.find((other) => other.id === id) ?? null;
        return {
          cell_ontology_id: id,
          name: known,
          atlas_labels: cellTypeLabels(labels, knowledge, entry, known),
        };
      };
      if (found !== null) return { match: found.match, ...describe(found.entry) };
      return {
        match: null,
        nearest: knowledgeTerms(knowledge)
          .cellTypes.nearest(name, NEAREST)
          .map(({ meaning }) => describe(meaning)),
      };
    },
  ),
  resolve_perturbation: lookUpOf(
    "The perturbation that a name means, its id, kind and mechanism and its labels in the atlases; else the nearest names.",
    named,
    ({ name }, { knowledge, labels }) => {
      const found = resolvePerturbationLabel(name, knowledge);
      const describe = ({
        id,
        name: known,
        kind,
        mechanism,
      }: Knowledge["perturbations"][number]) => ({
        id,
        name: known,
        kind,
        mechanism,
        atlas_labels: perturbationLabels(labels, id, null, known),
      });
      if (found !== null) return { match: found.match, ...describe(found.entry) };
      return {
        match: null,
        atlas_labels: perturbationLabels(labels, null, null, name),
        nearest: knowledgeTerms(knowledge)
          .perturbations.nearest(name, NEAREST)
          .map(({ meaning }) => describe(meaning)),
      };
    },
  ),
  drug_targets: lookUpOf(
    "The genes that a perturbation acts on, and those whose expression is known to respond.",
    identified,
    ({ perturbation_id: id }, { knowledge }) => {
      const entry = knowledge.perturbations.find((known) => known.id === id);
      return entry === undefined
        ? UNKNOWN_ID
        : {
            targets: entry.targets,
            response: entry.response.slice(0, LISTED),
            source: entry.source,
          };
    },
  ),
  pathway_priors: lookUpOf(
    "The pathways known to respond to a perturbation (by id), or the pathways whose name holds some words; null for what is not asked.",
    z.strictObject({
      perturbation_id: z.string().max(100).nullable(),
      words: z.string().max(200).nullable(),
    }),
    ({ perturbation_id: id, words }, { knowledge }) => {
      const entry =
        id === null ? undefined : knowledge.perturbations.find((known) => known.id === id);
      if (id !== null && entry === undefined) return UNKNOWN_ID;
      const directions = new Map(entry?.pathways.map((pathway) => [pathway.id, pathway.direction]));
      const wanted = (pathway: Knowledge["pathways"][number]): boolean =>
        (entry === undefined || directions.has(pathway.id)) &&
        pathway.name.toLowerCase().includes((words ?? "").toLowerCase());
      return {
        pathways: knowledge.pathways
          .filter(wanted)
          .slice(0, LISTED)
          .map((pathway) => ({
            id: pathway.id,
            name: pathway.name,
            direction: directions.get(pathway.id) ?? null,
            source: pathway.source,
          })),
      };
    },
  ),
  atlas_contents: lookUpOf(
    "The labels of cell types, perturbations and donors that the atlases hold; those that hold some words, or all.",
    z.strictObject({ words: z.string().max(200).nullable() }),
    ({ words }, { atlases, labels }) => {
      const holds = (label: string): boolean =>
        label.toLowerCase().includes((words ?? "").toLowerCase());
      const page = <Item>(items: readonly Item[]) => ({
        listed: items.slice(0, LISTED),
        not_listed: Math.max(0, items.length - LISTED),
      });
      return {
        datasets: atlases.map(({ dataset, simulated, n_cells }) => ({
          dataset,
          simulated,
          n_cells,
        })),
        cell_types: page(
          labels.cellTypes
            .filter(({ label }) => holds(label))
            .map(({ label, id }) => ({ label, cell_ontology_id: id })),
        ),
        perturbations: page(
          labels.perturbations
            .filter(({ label }) => holds(label))
            .map(({ label, id }) => ({ label, id })),
        ),
        donors: page(labels.donors.filter(holds)),
      };
    },
  ),
} as const;

export type LookUpName = keyof typeof LOOK_UPS;

/** `parameters` are those of the look-up's own schema; throws a ZodError for others. */
export function lookUp(
  name: LookUpName,
  parameters: unknown,
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge,
): unknown {
  const chosen = LOOK_UPS[name] as unknown as LookUp<z.ZodType>;
  return chosen.find(chosen.parameters.parse(parameters), {
    knowledge,
    atlases,
    labels: collectAtlasLabels(atlases, knowledge),
  });
}
