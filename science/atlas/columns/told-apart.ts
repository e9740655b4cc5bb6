import type { GeneticReading } from "../atlas-index.ts";
import { controlReading } from "./control-labels.ts";
import { plain } from "./usual-names.ts";

/**
 * Whether the value of another column says something of a cell that its perturbation does not: a
 * knock-out beside a cytokine does, "treated" beside the treatment does not.
 */

/** What is known of the labels of the perturbation and of words. */
export interface Meanings {
  readonly genetic: ReadonlyMap<string, GeneticReading>;
  perturbationId(label: string): string | null;
  geneOf(word: string): string | null;
}

/** Columns that say what cells are by their genes. */
const OF_GENES =
  /genotyp|knock|crispr|cas9|mutation|mutant|variant|transgen|transfect|transduc|overexpress|edited|allele|strain|^(?:ko|kd|oe|wt)$/;
/** Columns that explain the perturbation. */
const EXPLAINS = /target|^gene$|moa|mechanism|pathway|class|guide|grna/;
/** Says that something was done, not what. */
const UNSAID =
  /^(?:(?:pre|post|co)?(?:treated|treatment)|stim(?:ulated|ulation)?|stimulus|perturb(?:ed|ation)?|drugs?|compounds?|cytokines?|ligands?|exposed|infected|infection|case|active|activated|test|exp|experiment(?:al)?|positive|pos|after|done)$/;
/** Of a column of genes these do say what, where the perturbation is no gene. */
const UNSAID_OF_GENES =
  /^(?:true|yes|y|1(?:\.0)?|ko|kd|oe|knockout|knockdown|edited|mut(?:ant|ated)?|transfected|transduced|targeting|targeted|perturbed|case|test)$/;

type Says = "the same" | "something else" | "unsaid";

/** What `value` of `column` says beside the label `given` of the perturbation. */
export function saysBeside(
  column: string,
  value: string,
  given: string,
  { genetic, perturbationId, geneOf }: Meanings,
): Says {
  const [v, p] = [plain(value), plain(given)];
  const named = plain(column);
  const reading = genetic.get(given);
  const ofGenes = OF_GENES.test(named);
  if (v === p || (shorter(v, p).length > 2 && (v.includes(p) || p.includes(v)))) return "the same";
  const gene = geneIn(value, geneOf);
  if (reading !== undefined && gene !== null && reading.genes.includes(gene)) return "the same";
  const [known, own] = [perturbationId(value), perturbationId(given)];
  if (known !== null && known === own && reading === undefined) return "the same";
  if (UNSAID.test(v)) return "the same";
  if ((reading !== undefined || !ofGenes) && UNSAID_OF_GENES.test(v)) return "the same";
  if (controlReading(value) !== null || EXPLAINS.test(named)) return "unsaid";
  if (ofGenes) return reading === undefined || gene !== null ? "something else" : "unsaid";
  return known !== null && (reading !== undefined || own !== null) ? "something else" : "unsaid";
}

const shorter = (a: string, b: string): string => (a.length < b.length ? a : b);

/** "STAT1 KO", "STAT1-/-". */
function geneIn(value: string, geneOf: Meanings["geneOf"]): string | null {
  return geneOf(value.trim()) ?? geneOf(/^[A-Za-z0-9-]*[A-Za-z0-9]/.exec(value.trim())?.[0] ?? "");
}
