import { HaystackError } from "../../errors.ts";
import type { CellTypeEntry, Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";

/**
 * What is simulated: chosen from the curated knowledge, so that every name in the atlas is a real
 * one.
 */
export interface Experiment {
  readonly cellTypes: readonly CellTypeEntry[];
  readonly perturbations: readonly PerturbationEntry[];
  readonly donors: readonly string[];
  /** Gene symbols: those the knowledge names first, then fillers SIMG0001, SIMG0002, ... */
  readonly genes: readonly string[];
}

export const CONTROL_LABEL = "control";

const MIN_CELL_TYPES = 8;

const FILLER = "SIMG";

export const isFiller = (gene: string): boolean => gene.startsWith(FILLER);

/** Share of genes that no annotation covers, as in measured data. */
const LEAST_FILLERS = 0.15;

/** Lymphocytes, monocytes and their kin, then tissue cells: near and far types in one atlas. */
const CELL_TYPES = [
  "CL:0000624",
  "CL:0000625",
  "CL:0000815",
  "CL:0000623",
  "CL:0000236",
  "CL:0001054",
  "CL:0002396",
  "CL:0000451",
  "CL:0002553",
  "CL:0002620",
  "CL:0000115",
  "CL:0000235",
];

const PERTURBATIONS = [
  "ifn-beta",
  "ifn-gamma",
  "tnf",
  "il-4",
  "il-6",
  "tgf-beta1",
  "lps",
  "dexamethasone",
  "ruxolitinib",
  "bortezomib",
  "tp53-knockout",
  "stat1-knockout",
];

/**
 * Cell types that lack a perturbation altogether, so that an answer has to come from other cells.
 */
const HOLES: readonly (readonly [cellType: string, perturbation: string])[] = [
  ["CL:0002553", "tgf-beta1"],
  ["CL:0000625", "ifn-beta"],
  ["CL:0000236", "tnf"],
  ["CL:0001054", "il-4"],
  ["CL:0000623", "ifn-gamma"],
  ["CL:0000624", "ruxolitinib"],
  ["CL:0000451", "dexamethasone"],
  ["CL:0002396", "stat1-knockout"],
];

function preferred<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  ids: readonly string[],
  count: number,
): Entry[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const first = ids.flatMap((id) => byId.get(id) ?? []);
  const others = entries.filter((entry) => !ids.includes(entry.id));
  return [...first, ...others].slice(0, count);
}

/** Genes the knowledge names, most telling first: of what is simulated, then of everything else. */
function knownGenes(
  cellTypes: readonly CellTypeEntry[],
  perturbations: readonly PerturbationEntry[],
  knowledge: Knowledge,
): Set<string> {
  const active = new Set(perturbations.flatMap((entry) => entry.pathways.map(({ id }) => id)));
  const genes = [
    ...perturbations.flatMap((entry) =>
      [...entry.response, ...entry.targets].map(({ gene }) => gene),
    ),
    ...cellTypes.flatMap((entry) => entry.markers),
    ...knowledge.pathways.filter(({ id }) => active.has(id)).flatMap((entry) => entry.genes),
    ...knowledge.cellTypes.flatMap((entry) => entry.markers),
    ...knowledge.perturbations.flatMap((entry) => entry.response.map(({ gene }) => gene)),
    ...knowledge.pathways.flatMap((entry) => entry.genes),
  ];
  return new Set(genes.map((gene) => gene.toUpperCase()));
}

export function designExperiment(
  knowledge: Knowledge,
  size: { nGenes: number; nCellTypes: number; nPerturbations: number; nDonors: number },
): Experiment {
  const cellTypes = preferred(knowledge.cellTypes, CELL_TYPES, size.nCellTypes);
  const withResponse = knowledge.perturbations.filter((entry) => entry.response.length > 0);
  const perturbations = preferred(withResponse, PERTURBATIONS, size.nPerturbations);
  const known = [...knownGenes(cellTypes, perturbations, knowledge)].slice(
    0,
    Math.ceil(size.nGenes * (1 - LEAST_FILLERS)),
  );
  if (
    cellTypes.length < Math.min(MIN_CELL_TYPES, size.nCellTypes) ||
    perturbations.length < size.nPerturbations
  ) {
    throw new HaystackError(
      "CONFIG_INVALID",
      `The curated knowledge names ${cellTypes.length} cell types and ${perturbations.length} perturbations with known responses, too few to simulate ${size.nCellTypes} and ${size.nPerturbations}; ask for fewer.`,
    );
  }
  const fillers = Array.from(
    { length: size.nGenes - known.length },
    (_, i) => `${FILLER}${String(i + 1).padStart(4, "0")}`,
  );
  return {
    cellTypes,
    perturbations,
    donors: Array.from({ length: size.nDonors }, (_, i) => `D${i + 1}`),
    genes: [...known, ...fillers],
  };
}

/**
 * Whether the cells of this type, perturbation and donor were measured; donors beyond the first
 * miss some pairs each.
 */
export function isMeasured(
  experiment: Experiment,
  cellType: number,
  perturbation: number,
  donor: number,
): boolean {
  const type = experiment.cellTypes[cellType]!.id;
  const agent = experiment.perturbations[perturbation]!.id;
  if (HOLES.some(([holeType, holeAgent]) => holeType === type && holeAgent === agent)) return false;
  return donor === 0 || (cellType + 2 * perturbation + 3 * donor) % 7 !== 0;
}
