import type { GeneticReading } from "../atlas-index.ts";
import { controlReading, perturbedParts } from "./control-labels.ts";
import type { IsOther } from "./control-labels.ts";
import type { Controls } from "./controls.ts";
import { type GeneOf, geneWord } from "./gene-words.ts";
import type { CodedLabels, ReadLabels } from "./labels.ts";
import { plain } from "./usual-names.ts";

/**
 * Whether the labels of a perturbation column name substances that cells are given, or genes that
 * are silenced or activated in them: IFNB1 beside non-targeting guides is no cytokine.
 */

export interface PerturbationKinds {
  /** For each label that names perturbed genes, which and how. */
  readonly genetic: ReadonlyMap<string, GeneticReading>;
  /** Why, as a sentence; null where none does, or each says itself that it does. */
  readonly why: string | null;
}

interface Evidence {
  readonly obs: readonly string[];
  readonly read: ReadLabels;
  readonly perturbation: CodedLabels;
  readonly controls: Controls;
  readonly isOther: IsOther;
  readonly geneOf: GeneOf;
  readonly fileName: string;
  /** How the perturbations work, where that was told. */
  readonly told: string | undefined;
}

/** Plain names of columns that say how a perturbation works, not which it is. */
export const TYPE_COLUMN =
  /^(?:perturbation|pert|perturb|treatment|crispr)(?:type|class|method|modality|kind|mode|technology|mechanism|category)s?$|^crispr$/;
const GAIN =
  /crispr[\s_-]?a(?![a-z0-9])|crispr[\s_-]?act|activation|over[\s_-]?expression|(?<![a-z])(?:oe|orf|cdna)(?![a-z])|gain/i;
const LOSS =
  /crispr|cas9|cas12|knock|(?<![a-z])(?:ko|kd)(?![a-z])|sh[\s_-]?rna|si[\s_-]?rna|rnai|interference|deletion|sgrna|grna|genetic|(?<![a-z])(?:trt_)?(?:sh|si|xpr)(?![a-z])|loss/i;
const SUBSTANCE =
  /drug|chemical|compound|small[\s_-]?molecule|cytokine|ligand|protein|biologic|stimul|antibody|trt_cp|growth/i;
/** Says that genes are perturbed, and not how. */
const UNSAID = /^(?:crispr|genetic|gene|grna|sgrna|guide)s?$/i;
const GENE_COLUMN = /gene|guide|sgrna|grna|knock|crispr|kotarget|^ko$|^kd$|protospacer/;
/** Most labels have to be genes before a column is taken for one of genes. */
const MOST = 0.5;

export function perturbationKinds(evidence: Evidence): PerturbationKinds {
  const { obs, read, perturbation, fileName, told } = evidence;
  const labels = perturbedLabels(evidence);
  const typeColumn =
    told !== undefined
      ? undefined
      : obs.find((name) => TYPE_COLUMN.test(plain(name)) && name !== perturbation.name);
  const types =
    typeColumn === undefined
      ? told === undefined
        ? null
        : new Map(labels.map((label) => [label, told]))
      : typeOfLabels(perturbation, read(typeColumn));
  const signs = geneticSigns(evidence, labels);
  const alone = namesAlone(labels, evidence);
  const share =
    labels.length === 0
      ? 0
      : labels.filter((label) => genesOf(label, evidence, alone).genes.length > 0).length /
        labels.length;
  const byFile = GAIN.test(fileName) ? "gain" : "loss";
  const genetic = new Map<string, GeneticReading>();
  const effects = new Set<GeneticReading["effect"]>();
  const assumed = new Set<GeneticReading["effect"]>();
  for (const label of labels) {
    const type = types?.get(label) ?? "";
    const stated = SUBSTANCE.test(type) && !/crispr/i.test(type) ? "substance" : effectIn(type);
    if (stated === "substance" || (stated === null && (signs.length === 0 || share < MOST)))
      continue;
    const { genes, all } = genesOf(label, evidence, alone);
    const unsaid = stated === null || (stated === "loss" && UNSAID.test(type.trim()));
    const named = unsaid ? effectIn(label) : stated;
    const effect = named ?? byFile;
    if (named === null) assumed.add(effect);
    genetic.set(label, { genes: genes.length === 0 ? all : genes, effect });
    effects.add(effect);
  }
  const surprising = [...genetic.keys()].filter((label) => effectIn(label) === null);
  if (surprising.length === 0) return { genetic, why: null };
  const reasons = [
    ...(types === null
      ? []
      : [`${typeColumn ?? "told"} = ${[...new Set(types.values())].join(", ")}`]),
    ...signs,
  ];
  const how = [...effects].map((effect) => (effect === "loss" ? "silenced" : "activated"));
  const guess = [...assumed].map(
    (effect) =>
      `; that they are ${effect === "loss" ? "silenced" : "activated"} is ${effect === "loss" ? "assumed" : "read from the name of the file"}, --perturbation-type ${effect === "loss" ? "CRISPRa" : "CRISPRi"} says otherwise`,
  );
  return {
    genetic,
    why: `${subject(perturbation.name, surprising, labels)} ${how.join(" or ")} genes, not what cells are given (${reasons.join("; ")})${guess.join("")}.`,
  };
}

const NAMED = 3;

/** The column where all its labels name genes, else those that do. */
function subject(column: string, genetic: readonly string[], labels: readonly string[]): string {
  if (genetic.length === labels.length) return `${column} names`;
  const more = genetic.length - NAMED;
  const named = genetic.slice(0, NAMED).join(", ");
  const all = more > 0 ? `${named} and ${more} more` : named;
  return `${all} of ${column} ${genetic.length === 1 ? "names" : "name"}`;
}

function effectIn(text: string): "gain" | "loss" | null {
  if (GAIN.test(text)) return "gain";
  return LOSS.test(text) ? "loss" : null;
}

function perturbedLabels({ perturbation, controls, isOther }: Evidence): string[] {
  const control = new Set([...controls.pooled, ...controls.others, ...controls.doubtful]);
  return perturbation.labels.filter(
    (label) => !control.has(label) && controlReading(label, isOther) === null,
  );
}

/** Of each label the type that most of its cells have. */
function typeOfLabels(perturbation: CodedLabels, types: CodedLabels): Map<string, string> {
  const counts = new Map<string, number>();
  for (const [cell, code] of perturbation.codes.entries()) {
    const type = types.codes[cell] as number;
    if (code < 0 || type < 0) continue;
    const key = `${code} ${type}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const best = new Map<string, string>();
  for (const [key] of [...counts].toSorted((a, b) => a[1] - b[1])) {
    const [code, type] = key.split(" ").map(Number) as [number, number];
    best.set(perturbation.labels[code] as string, types.labels[type] as string);
  }
  return best;
}

function geneticSigns(evidence: Evidence, labels: readonly string[]): string[] {
  const { obs, read, perturbation, controls } = evidence;
  const guided = obs.find(
    (name) =>
      name !== perturbation.name &&
      /guide|sgrna|grna|protospacer|featurecall/.test(plain(name)) &&
      read(name).labels.length > 1,
  );
  const main = controls.main === null ? null : controlReading(controls.main);
  const partner = labels.find((label) =>
    /\+\s*(?:ctrl|control)\b|\b(?:ctrl|control)\s*\+/i.test(label),
  );
  return [
    ...(GENE_COLUMN.test(plain(perturbation.name))
      ? [`the column is called ${perturbation.name}`]
      : []),
    ...(main?.kind === "non-targeting" ? [`its control is ${controls.main ?? ""}`] : []),
    ...(partner === undefined ? [] : [`it has labels like ${partner}`]),
    ...(guided === undefined ? [] : [`the file has a column ${guided}`]),
  ];
}

/** Names that are a whole label, in small letters: genes perhaps that the file does not measure. */
function namesAlone(
  labels: readonly string[],
  { isOther, geneOf }: Evidence,
): ReadonlyMap<string, string> {
  return new Map(
    labels.flatMap((label) => {
      const [name = "", ...more] = perturbedParts(label, isOther).map(bare);
      const isName = more.length === 0 && /^\p{L}[\p{L}\d.-]+$/u.test(name);
      return isName && geneOf(name) === null ? [[name.toLowerCase(), name] as const] : [];
    }),
  );
}

/** `alone`: names of whole labels, which are no mark of another gene in a longer one. */
function genesOf(
  label: string,
  { isOther, geneOf }: Evidence,
  alone: ReadonlyMap<string, string>,
): { readonly genes: string[]; readonly all: string[] } {
  const parts = perturbedParts(label, isOther);
  const whole = parts.map(bare);
  const direct = whole.map(geneOf);
  if (direct.every((gene) => gene !== null)) return { genes: distinct(direct), all: whole };
  // A combination with a gene that the file does not measure is none of the others alone.
  if (parts.length > 1 && direct.some((gene) => gene !== null))
    return { genes: distinct(whole.map((part, i) => direct[i] ?? part)), all: whole };
  const split = whole.flatMap((part) => (geneOf(part) === null ? wordsOf(part) : [part]));
  const genes = split.map((word) => geneWord(bare(word), geneOf));
  const found = genes.some((gene) => gene !== null)
    ? genes.map((gene, at) => gene ?? alone.get(bare(split[at] as string).toLowerCase()) ?? null)
    : genes;
  if (found.every((gene) => gene !== null)) return { genes: distinct(found), all: distinct(found) };
  const named = found.filter((gene) => gene !== null);
  // Beside a mark of the guide only names as genes have them are several genes.
  const asWritten = found.flatMap((gene, at) =>
    gene !== null && isWritten(gene, split[at] ?? "") ? [gene] : [],
  );
  return { genes: distinct(asWritten.length > 1 ? asWritten : named.slice(0, 1)), all: whole };
}

const isWritten = (gene: string, word: string): boolean =>
  gene.toLowerCase() === bare(word).toLowerCase();

const wordsOf = (part: string): string[] =>
  part.split(/[_\s,/]+/).filter((word) => word !== "" && controlReading(word) === null);

/** Without what marks a guide: "sgSTAT1-2", "STAT1g2", "STAT1_KO", "STAT1_P1P2". */
function bare(word: string): string {
  return word
    .trim()
    .replace(/^(?:sg|si|sh)[-_]?(?=[A-Za-z]{2})/, "")
    .replace(/[-_\s]+(?:ko|kd|oe|knock(?:out|down)|crispr[ai]?|i|a|g?\d+|sg\d+|p1p2|p1|p2)$/i, "")
    .replace(/(?<=[A-Z0-9])g\d+$/, "");
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
