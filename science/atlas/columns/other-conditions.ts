import type { ColumnChoice } from "./choose-columns.ts";
import type { CodedLabels } from "./labels.ts";
import { idShare, nesting } from "./labels.ts";
import { controlCodes, isShared, setsApart, tallied } from "./tallies.ts";
import type { Meanings } from "./told-apart.ts";
import { NOT_PERTURBATION, plain } from "./usual-names.ts";

/**
 * Columns beside that of the perturbation that tell what else was done to the cells: a genotype, a
 * guide, a second drug. Perturbed cells are compared with control cells of the same value, or the cells
 * of several values are pooled, and that is to be said.
 */
const DONE_TO_CELLS = new RegExp(
  [
    String.raw`genotyp|strain|knock|crispr|cas9|guide|grna|mutation|mutant|variant|transgen|transfect|transduc|overexpress`,
    String.raw`edited|treat|drug|compound|stimul|^stim$|cytokin|ligand|inhibitor|pert(?!ain)|condition|infect|virus`,
    String.raw`viral|pathogen|exposure|challenge|vaccin|oxygen|hypoxia|medium|^media$|diet`,
    String.raw`cocultur|^dox|irradiat|radiation|^temperature|starv|^serum|heatshock|stiffness|agonist`,
    String.raw`^(?:ko|kd|oe|wt|allele|group|arm|target|gene)$`,
  ].join("|"),
);
/** Where cells come from: told apart by their groups unless it differs inside of one. */
const ORIGIN = /disease|diagnosis|patholog|^(?:organism|species|tissue|organ)$/;
/** Its amount is a condition like the words for it. */
const RADIATION = /^(?:ir)?radiation(?:dose)?(?:in)?(?:gy)?$/;
const MOST_VALUES = 1_000;
/** Who did it, when and under which number: that may be pooled. */
const OF_RECORDS =
  /(?:by|date|id|ids|number|num|nr|order|replicate|rep|run|lane|index|code|operator|site|lot|round)\d*$/;
/** More values than this would leave hardly a cell in a group. */
const MOST_APART = 50;
/** Of the cells of one perturbation, the least share of a second value that is no slip. */
const SECOND = 0.02;

export interface OtherCondition {
  readonly column: CodedLabels;
  /** The labels of the perturbation whose cells it splits. */
  readonly splits: readonly string[];
  /**
   * Its values set groups apart, so that cells are compared with controls of their value; else it only
   * tells the perturbation in other words, or what came of it, and cells of all values are pooled.
   */
  readonly apart: boolean;
  /** It says where cells come from, and no perturbed cell has the value of a control cell. */
  readonly differs: boolean;
}

/**
 * The columns whose values cut through the control cells or the cells of one perturbation, or differ
 * between the two. `perturbation`: what each cell was given, as it will be grouped, -1 for cells that
 * are left out. `further`: columns that are no matter, as their values were chosen.
 */
export function otherConditions(
  { obs, read, cell_type, donor, amounts, perturbation: own, controls }: ColumnChoice,
  perturbation: CodedLabels,
  meanings: Meanings,
  further: readonly string[] = [],
): OtherCondition[] {
  const used = new Set([
    own,
    cell_type,
    donor,
    amounts.columns.dose,
    amounts.columns.time,
    amounts.columns.dose_unit,
    ...further,
  ]);
  const givenTo = perturbation.codes;
  const isControl = controlCodes(perturbation, controls);
  const groups = [cell_type, donor].flatMap((name) => (name === null ? [] : [read(name)]));
  return obs.flatMap((name): OtherCondition[] => {
    const called = plain(name);
    const isOrigin = ORIGIN.test(called);
    if (used.has(name) || (!isOrigin && !DONE_TO_CELLS.test(called))) return [];
    const isRadiation = RADIATION.test(called);
    if (NOT_PERTURBATION.test(called) && !called.endsWith("genotype") && !isRadiation) return [];
    const column = seenIn(read(name), perturbation);
    const values = column.labels.length;
    if (values + Math.min(1, column.missing) < 2 || values > MOST_VALUES) return [];
    if (values > 2 && !isRadiation && idShare(column) > 0.5) return [];
    const counts = new Map<string, Map<number, number>>();
    column.codes.forEach((code, cell) => {
      if (code < 0) return;
      const inside = isOrigin ? groups.map(({ codes }) => codes[cell]) : [];
      const key = [givenTo[cell], ...inside].join();
      const those = counts.get(key) ?? new Map<number, number>();
      those.set(code, (those.get(code) ?? 0) + 1);
      counts.set(key, those);
    });
    const split = [...counts]
      .filter(([, those]) => isSplit(those))
      .map(([key]) => Number(key.split(",")[0]));
    const splits = [...new Set(split)].flatMap((code) => perturbation.labels[code] ?? []);
    const isCrossed = splits.length > 0 && nesting(column, perturbation) === "crossed";
    const tally = tallied(column, perturbation, isControl);
    const differs = isOrigin && !isShared(tally);
    const apart =
      values <= MOST_APART &&
      !OF_RECORDS.test(called) &&
      (!isOrigin || isCrossed) &&
      !differs &&
      setsApart(tally, meanings);
    return isCrossed || apart || differs ? [{ column, splits, apart, differs }] : [];
  });
}

function isSplit(values: ReadonlyMap<number, number>): boolean {
  const [first = 0, second = 0] = [...values.values()].toSorted((a, b) => b - a);
  return second > 0 && second >= SECOND * (first + second);
}

/** The column over the cells that have a perturbation. */
function seenIn(column: CodedLabels, perturbation: CodedLabels): CodedLabels {
  let missing = 0;
  const codes = column.codes.map((code, cell) => {
    const isSeen = (perturbation.codes[cell] ?? -1) >= 0;
    if (isSeen && code < 0) missing += 1;
    return isSeen ? code : -1;
  });
  const seen = new Set(codes);
  const labels = column.labels.filter((_, code) => seen.has(code));
  const position = new Map(labels.map((label, at) => [label, at]));
  return {
    ...column,
    labels,
    missing,
    codes: codes.map((code) => position.get(column.labels[code] ?? "") ?? -1),
  };
}

const SHOWN = 5;
const some = (names: readonly string[]): string =>
  `${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ""}`;

/** What is to be known of them, one sentence each; `controls`: the labels of control cells. */
export function conditionWarnings(
  found: readonly OtherCondition[],
  controls: readonly string[],
): string[] {
  return found.flatMap(({ column: { name, labels }, splits, apart, differs }) => {
    if (differs)
      return [
        `${name} (${some(labels)}): all perturbed cells differ in it from all control cells, so what the perturbation does cannot be told from it.`,
      ];
    if (splits.length === 0) return [];
    const treated = splits.filter((label) => !controls.includes(label));
    const whom = [
      ...(treated.length < splits.length ? ["the control cells"] : []),
      ...(treated.length > 0 ? [`the cells given ${some(treated)}`] : []),
    ].join(" and ");
    return `${name} (${some(labels)}) splits ${whom} and may be a perturbation of its own; ${apart ? "the cells of each of its values are groups of their own, compared with control cells of the same value" : "cells of all its values are pooled"} (--only "${name}=${labels[0] ?? ""}" imports those of one value).`;
  });
}

/** The groups with what their cells have in each of the columns, sorted. */
export function withConditions<Group extends object>(
  groups: readonly Group[],
  groupOf: Int32Array,
  found: readonly OtherCondition[],
): readonly (Group & {
  readonly other_conditions?: Readonly<Record<string, readonly string[]>>;
})[] {
  if (found.length === 0) return groups;
  const seen = groups.map(() => found.map(() => new Set<number>()));
  groupOf.forEach((group, cell) => {
    if (group < 0) return;
    for (const [at, { column }] of found.entries())
      seen[group]?.[at]?.add(column.codes[cell] ?? -1);
  });
  return groups.map((group, at) => ({
    ...group,
    other_conditions: Object.fromEntries(
      found.map(({ column: { name, labels } }, column) => [
        name,
        [...(seen[at]?.[column] ?? [])].flatMap((code) => labels[code] ?? []).toSorted(),
      ]),
    ),
  }));
}
