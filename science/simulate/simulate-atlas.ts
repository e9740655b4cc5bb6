import type { AnnData, UnsValue } from "../anndata/anndata.ts";
import { writeH5ad } from "../anndata/write.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { curatedKnowledge } from "../knowledge/load.ts";
import { countMatrixBuilder, countProfile } from "./count-sampler.ts";
import { CONTROL_LABEL, designExperiment, isMeasured } from "./experiment.ts";
import type { Experiment } from "./experiment.ts";
import { simulateResponses } from "./response-model.ts";
import type { ResponseModel } from "./response-model.ts";
import { normal, randomStream, uniform } from "./seeded-random.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly nGenes?: number;
  readonly nCellTypes?: number;
  readonly nPerturbations?: number;
  readonly nDonors?: number;
  /** Mean number of cells a group; single groups hold 0.7 to 1.3 times as many. */
  readonly cellsPerGroup?: number;
  /** Exact total; overrides `cellsPerGroup`. */
  readonly nCells?: number;
  /**
   * Which part of a simulation that is made in parts: other cells, of the same groups and effects
   * (default: 0).
   */
  readonly part?: number;
  /** Median counts of an unperturbed cell. */
  readonly librarySize?: number;
}

interface SimulatedGroup {
  readonly cellType: number;
  /** null: control cells. */
  readonly perturbation: number | null;
  readonly donor: number;
  readonly nCells: number;
}

const LIBRARY_SPREAD = 0.3;
const NEGATIVE_BINOMIAL_SIZE = 2;

function planGroups(experiment: Experiment, options: SimulationOptions): SimulatedGroup[] {
  const random = randomStream(options.seed, "group sizes");
  const shares: (Omit<SimulatedGroup, "nCells"> & { share: number })[] = [];
  experiment.cellTypes.forEach((_, cellType) => {
    experiment.donors.forEach((__, donor) => {
      for (const perturbation of [null, ...experiment.perturbations.keys()]) {
        const share = 0.7 + 0.6 * uniform(random);
        if (perturbation === null || isMeasured(experiment, cellType, perturbation, donor))
          shares.push({ cellType, perturbation, donor, share });
      }
    });
  });
  const total = shares.reduce((sum, { share }) => sum + share, 0);
  const nCells = options.nCells ?? Math.round((options.cellsPerGroup ?? 20) * shares.length);
  let cumulated = 0;
  let placed = 0;
  return shares.map(({ share, ...group }) => {
    cumulated += share;
    const until = Math.round((cumulated / total) * nCells);
    const size = until - placed;
    placed = until;
    return { ...group, nCells: size };
  });
}

/** Expected counts a gene of a cell of median library size. */
function expectedCounts(
  group: SimulatedGroup,
  model: ResponseModel,
  librarySize: number,
): Float64Array {
  const programme = model.programmes[group.cellType]!;
  const shift = model.donorShifts[group.donor]!;
  const expected = new Float64Array(programme.length);
  for (let gene = 0; gene < expected.length; gene += 1)
    expected[gene] = Math.exp(programme[gene]! + shift[gene]!);
  const unperturbedTotal = expected.reduce((sum, value) => sum + value, 0);
  if (group.perturbation !== null) {
    const effect = model.effects[group.perturbation]!;
    const foldChanges = effect.byCellType[group.cellType]!;
    effect.genes.forEach((gene, i) => (expected[gene]! *= 2 ** foldChanges[i]!));
  }
  return expected.map((value) => (value * librarySize) / unperturbedTotal);
}

/**
 * The truth, for tests and for judging a method: log2 fold changes, mean and by cell type, of the
 * genes that move.
 */
function knownEffects(experiment: Experiment, model: ResponseModel): UnsValue {
  return Object.fromEntries(
    experiment.perturbations.map((entry, p) => {
      const effect = model.effects[p]!;
      const byCellType = Object.fromEntries(
        experiment.cellTypes.map(({ id }, t) => [id.replace(":", "_"), effect.byCellType[t]!]),
      );
      return [
        entry.id,
        {
          genes: [...effect.genes].map((gene) => experiment.genes[gene]!),
          log2_fold_change: effect.log2FoldChange,
          by_cell_type: byCellType,
        },
      ];
    }),
  );
}

/**
 * A simulated perturbation atlas with real names: cell types of the Cell Ontology, perturbations
 * and response genes of the curated knowledge, donors, controls, and gaps. X: cells x genes,
 * negative-binomial counts. The same options give the same bytes. Labelled as simulated in uns
 * ("simulated" = 1, "title"); uns "effects" holds the true log2 fold changes.
 */
export function simulateAtlas(
  options: SimulationOptions,
  knowledge: Knowledge = curatedKnowledge(),
): AnnData {
  const {
    seed,
    nGenes = 2000,
    nCellTypes = 10,
    nPerturbations = 12,
    nDonors = 3,
    librarySize = 1500,
    part = 0,
  } = options;
  const experiment = designExperiment(knowledge, { nGenes, nCellTypes, nPerturbations, nDonors });
  const model = simulateResponses(experiment, knowledge, seed);
  const groups = planGroups(experiment, options);
  const total = groups.reduce((sum, { nCells }) => sum + nCells, 0);
  const matrix = countMatrixBuilder(
    nGenes,
    total * nGenes * (1 - Math.exp((-0.75 * librarySize) / nGenes)),
  );
  const index: string[] = [];
  const obs = {
    cell_type: [] as string[],
    cell_ontology_id: [] as string[],
    perturbation: [] as string[],
    perturbation_kind: [] as string[],
    donor_id: [] as string[],
  };

  for (const group of groups) {
    const cellType = experiment.cellTypes[group.cellType]!;
    const perturbation =
      group.perturbation === null ? null : experiment.perturbations[group.perturbation]!;
    const donor = experiment.donors[group.donor]!;
    const random = randomStream(
      seed,
      `cells/${cellType.id}/${perturbation?.id ?? CONTROL_LABEL}/${donor}${part === 0 ? "" : `/${part}`}`,
    );
    const profile = countProfile(expectedCounts(group, model, librarySize), NEGATIVE_BINOMIAL_SIZE);
    for (let cell = 0; cell < group.nCells; cell += 1) {
      matrix.addCell(
        random,
        profile,
        profile.librarySize * Math.exp(LIBRARY_SPREAD * normal(random)),
      );
      index.push(`cell${String(index.length + 1).padStart(7, "0")}`);
      obs.cell_type.push(cellType.name);
      obs.cell_ontology_id.push(cellType.id);
      obs.perturbation.push(perturbation?.name ?? CONTROL_LABEL);
      obs.perturbation_kind.push(perturbation?.kind ?? CONTROL_LABEL);
      obs.donor_id.push(donor);
    }
  }
  return {
    X: matrix.build(),
    obs: { index, columns: obs },
    var: { index: experiment.genes, columns: {} },
    uns: {
      simulated: 1,
      title: "Simulated perturbation atlas (not measured data)",
      simulation: {
        seed,
        median_counts_a_cell: librarySize,
        negative_binomial_size: NEGATIVE_BINOMIAL_SIZE,
      },
      effects: knownEffects(experiment, model),
    },
  };
}

/** Writes `simulateAtlas(options)` to `path` as .h5ad. */
export async function writeSimulatedAtlas(path: string, options: SimulationOptions): Promise<void> {
  await writeH5ad(path, simulateAtlas(options));
}
