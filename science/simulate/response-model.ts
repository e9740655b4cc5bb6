import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { ancestors } from "../knowledge/ontology.ts";
import { isFiller } from "./experiment.ts";
import type { Experiment } from "./experiment.ts";
import { normal, randomStream, uniform } from "./seeded-random.ts";

/**
 * The biology that is simulated. Every cell type has a position in a latent space, inherited along
 * the Cell Ontology; its programme and the strength of its responses both follow from that
 * position, so cell types whose controls look alike respond alike.
 */
export interface ResponseModel {
  /** Relative expression of unperturbed cells, natural log: cell types x genes. */
  readonly programmes: readonly Float64Array[];
  /** Natural-log shifts: donors x genes. */
  readonly donorShifts: readonly Float64Array[];
  readonly effects: readonly PerturbationEffect[];
}

/** Log2 fold changes of the genes a perturbation acts on; all other genes stay as they are. */
export interface PerturbationEffect {
  readonly genes: Int32Array;
  /** Known direction and mean strength, without the cell type's own part. */
  readonly log2FoldChange: Float64Array;
  /** cell types x `genes`. */
  readonly byCellType: readonly Float64Array[];
}

const LATENT_DIMENSIONS = 24;
const ANCESTOR_SPREAD = 0.5;
const OWN_SPREAD = 0.5;
const BASELINE_SPREAD = 1.2;
const PROGRAMME_LOADING = 0.6;
const MARKER_SHIFT = 2;
const DONOR_SPREAD = 0.12;
/**
 * Genes known to respond are expressed well enough to be measured: this much above the median gene.
 */
const RESPONSE_GENE_FLOOR = 1;
const STRONGEST_RESPONSE = 2.6;
const WEAKEST_RESPONSE = 1;
const KNOCKED_OUT = -4;
/** Filler genes move too; perturbations of one mechanism class share them. */
const SECONDARY_SHARE = 0.15;
const SECONDARY_SPREAD = 0.7;
/** How far a cell type's position bends a response; at 0 all cell types respond alike. */
const TYPE_SPECIFICITY = 1;

function gaussianVector(seed: number, name: string, spread: number): Float64Array {
  const random = randomStream(seed, name);
  return Float64Array.from({ length: LATENT_DIMENSIONS }, () => spread * normal(random));
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) sum += x[i]! * y[i]!;
  return sum;
}

function latentPosition(id: string, knowledge: Knowledge, seed: number): Float64Array {
  const position = gaussianVector(seed, `cell type/${id}`, OWN_SPREAD);
  for (const ancestor of ancestors(knowledge, id)) {
    gaussianVector(seed, `lineage/${ancestor}`, ANCESTOR_SPREAD).forEach(
      (value, i) => (position[i]! += value),
    );
  }
  return position;
}

function simulateProgrammes(
  experiment: Experiment,
  responding: ReadonlySet<string>,
  positions: readonly Float64Array[],
  seed: number,
): Float64Array[] {
  const programmes = positions.map(() => new Float64Array(experiment.genes.length));
  const markers = experiment.cellTypes.map(
    (entry) => new Set(entry.markers.map((gene) => gene.toUpperCase())),
  );
  const random = randomStream(seed, "programmes");
  const loading = new Float64Array(LATENT_DIMENSIONS);
  experiment.genes.forEach((gene, g) => {
    const level = BASELINE_SPREAD * normal(random);
    const baseline = responding.has(gene) ? Math.max(level, RESPONSE_GENE_FLOOR) : level;
    for (let k = 0; k < LATENT_DIMENSIONS; k += 1)
      loading[k] = (PROGRAMME_LOADING * normal(random)) / Math.sqrt(LATENT_DIMENSIONS);
    positions.forEach((position, t) => {
      programmes[t]![g] =
        baseline + dot(loading, position) + (markers[t]!.has(gene) ? MARKER_SHIFT : 0);
    });
  });
  return programmes;
}

function simulateDonors(experiment: Experiment, seed: number): Float64Array[] {
  return experiment.donors.map((donor) => {
    const random = randomStream(seed, `donor/${donor}`);
    return Float64Array.from(experiment.genes, () => DONOR_SPREAD * normal(random));
  });
}

/**
 * Known response genes in their known direction (most reliable strongest), the knocked-out gene,
 * and filler genes.
 */
function meanEffect(
  entry: PerturbationEntry,
  experiment: Experiment,
  geneIndex: ReadonlyMap<string, number>,
  seed: number,
): Map<number, number> {
  const effect = new Map<number, number>();
  const secondary = randomStream(seed, `mechanism/${entry.mechanism}`);
  experiment.genes.forEach((gene, g) => {
    const moves = uniform(secondary) < SECONDARY_SHARE;
    const size = SECONDARY_SPREAD * normal(secondary);
    if (moves && isFiller(gene)) effect.set(g, size);
  });
  entry.response.forEach(({ gene, direction }, i) => {
    const g = geneIndex.get(gene.toUpperCase());
    const strength =
      STRONGEST_RESPONSE - (i / entry.response.length) * (STRONGEST_RESPONSE - WEAKEST_RESPONSE);
    if (g !== undefined) effect.set(g, direction === "up" ? strength : -strength);
  });
  for (const { gene, action } of entry.targets) {
    const g = geneIndex.get(gene.toUpperCase());
    if (g !== undefined && action === "knocks_out") effect.set(g, KNOCKED_OUT);
  }
  return effect;
}

interface Simulation {
  readonly experiment: Experiment;
  readonly geneIndex: ReadonlyMap<string, number>;
  /** Of the cell types, in latent space. */
  readonly positions: readonly Float64Array[];
  readonly seed: number;
}

function simulateEffect(
  entry: PerturbationEntry,
  { experiment, geneIndex, positions, seed }: Simulation,
): PerturbationEffect {
  const known = [...meanEffect(entry, experiment, geneIndex, seed)].toSorted(([a], [b]) => a - b);
  const loadings = known.map(([g]) =>
    gaussianVector(
      seed,
      `specificity/${entry.mechanism}/${experiment.genes[g]}`,
      TYPE_SPECIFICITY / Math.sqrt(LATENT_DIMENSIONS),
    ),
  );
  return {
    genes: Int32Array.from(known, ([g]) => g),
    log2FoldChange: Float64Array.from(known, ([, size]) => size),
    byCellType: positions.map((position) =>
      Float64Array.from(known, ([g, size], i) => {
        const bend = Math.tanh(dot(loadings[i]!, position));
        // A known gene responds weakly or strongly, never the other way round; what a filler gene
        // does differs by lineage.
        return isFiller(experiment.genes[g]!) ? size + bend : size * (1 + 0.7 * bend);
      }),
    ),
  };
}

export function simulateResponses(
  experiment: Experiment,
  knowledge: Knowledge,
  seed: number,
): ResponseModel {
  const geneIndex = new Map(experiment.genes.map((gene, g) => [gene, g]));
  const responding = new Set(
    experiment.perturbations.flatMap((entry) =>
      [...entry.response, ...entry.targets].map(({ gene }) => gene.toUpperCase()),
    ),
  );
  const positions = experiment.cellTypes.map(({ id }) => latentPosition(id, knowledge, seed));
  return {
    programmes: simulateProgrammes(experiment, responding, positions, seed),
    donorShifts: simulateDonors(experiment, seed),
    effects: experiment.perturbations.map((entry) =>
      simulateEffect(entry, { experiment, geneIndex, positions, seed }),
    ),
  };
}
