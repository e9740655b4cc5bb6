import type { AtlasColumns } from "./atlas-index.ts";
import type { LabelledGroup, LabelResolver } from "./cell-groups.ts";
import type { CountsSource } from "./choose-slot.ts";
import type { ColumnChoice, CompleteChoice } from "./columns/choose-columns.ts";
import { numberedCellTypes } from "./columns/cell-type-column.ts";
import { knownGenes } from "./columns/gene-names.ts";
import type { LeftOut } from "./columns/left-out.ts";
import { conditionWarnings, type OtherCondition } from "./columns/other-conditions.ts";
import type { PerturbationKinds } from "./columns/perturbation-kind.ts";
import type { RepeatedGenes, SlotGenes } from "./genes.ts";
import type { CountedCells } from "./write-counts.ts";

interface ImportFacts {
  readonly nObs: number;
  readonly groups: readonly LabelledGroup[];
  readonly source: CountsSource;
  readonly columns: AtlasColumns;
  readonly choice: CompleteChoice;
  readonly kinds: PerturbationKinds;
  readonly leftOut: LeftOut;
  readonly otherConditions: readonly OtherCondition[];
  readonly notes: readonly string[];
  readonly slotGenes: SlotGenes;
  readonly repeatedGenes: RepeatedGenes;
  readonly resolver: LabelResolver;
  readonly renamed: number;
}

/** Of fewer genes nobody can say that none is known. */
const MANY_GENES = 20;

/** What the owner of the atlas should know about how its counts came out. */
export const countWarnings = ({ rounded, zeroCells }: CountedCells): string[] => [
  ...(rounded > 0
    ? [`Whole counts could not be recovered for ${rounded} cells; theirs were rounded.`]
    : []),
  ...(zeroCells > 0 ? [`${zeroCells} cells have no counts at all.`] : []),
];

/**
 * What the owner of the atlas should know about how it was read, one sentence each; the counts of
 * its cells have countWarnings.
 */
export function importWarnings(facts: ImportFacts): string[] {
  const { nObs, groups, source, columns, choice, kinds, slotGenes, renamed } = facts;
  const { controls } = choice;
  const leftOut = facts.leftOut.cells.reduce((total, out) => total + out, 0);
  const missing = nObs - leftOut - groups.reduce((total, group) => total + group.n_cells, 0);
  const unmatched = groups.filter(
    (group) => !group.is_control && group.control_group_id === null,
  ).length;
  const unlabelled = choice.read(columns.perturbation).missing;
  const warnings: [boolean, string][] = [
    [
      missing > 0,
      `${missing} of ${nObs} cells were left out because cell type, perturbation or donor is missing.`,
    ],
    [
      source.kind === "log1p",
      `No raw counts were found; counts were recovered from the log-normalised values of ${source.slot.name}${source.logBase === Math.E ? "" : ` (logarithms to base ${source.logBase})`}.`,
    ],
    ...[...facts.leftOut.why, ...facts.notes].map((text): [boolean, string] => [true, text]),
    ...conditionWarnings(facts.otherConditions, [columns.control_label, ...controls.others]).map(
      (text): [boolean, string] => [true, text],
    ),
    ...numberedCellTypes(choice.cell_type, choice.read).map((text): [boolean, string] => [
      true,
      text,
    ]),
    ...labelAmountWarning(choice).map((text): [boolean, string] => [true, text]),
    [
      columns.zero_is_control !== undefined,
      `No value of ${columns.perturbation} marks control cells, so those at ${columns.zero_is_control ?? "time"} zero by ${columns[columns.zero_is_control ?? "time"] ?? ""} were taken as controls.`,
    ],
    [columns.donor === null, "No donor column was found; all cells count as one donor."],
    [
      columns.missing_is_control === true,
      `${unlabelled} cells without a ${columns.perturbation} were taken as controls.`,
    ],
    [
      controls.pooled.length > 1,
      `The control cells of ${controls.pooled.length} labels were pooled (${some(controls.pooled)}).`,
    ],
    [
      controls.others.length + controls.doubtful.length > 0,
      `"${columns.control_label}" was taken as the control; ${some([...controls.others, ...controls.doubtful])} would have fitted too${controls.others.length > 0 ? ", and such cells count as controls where there are no others" : ""} (--control-label takes others).`,
    ],
    [
      choice.others.perturbation.length > 0,
      `${columns.perturbation} was taken for the perturbation; ${some(choice.others.perturbation)} would have fitted too (--perturbation-column takes another).`,
    ],
    [
      choice.others.cell_type.length > 0,
      `${columns.cell_type ?? ""} was taken for the cell type; ${some(choice.others.cell_type)} would have fitted too (--cell-type-column takes another).`,
    ],
    [kinds.why !== null, kinds.why ?? ""],
    ...(["dose", "time"] as const).map((name): [boolean, string] => {
      const values = amountsOf(groups, name);
      return [
        values.length > 1,
        `The perturbed cells have ${values.length} ${name}s by ${columns[name] ?? name} (${some(values)}), each a group of its own; a question that names none pools them.`,
      ];
    }),
    ...(["dose", "time"] as const).map((name): [boolean, string] => {
      const bare = amountsOf(groups, name).filter((amount) => /^[\d.e+-]+$/i.test(amount));
      return [
        bare.length > 0,
        `No unit of the ${name}s ${some(bare)} is known, so that none can be compared with that of a question; add it to the labels or in a column ${name}_unit.`,
      ];
    }),
    [
      unmatched > 0,
      `${unmatched} perturbed groups have no control group of the same cell type and donor.`,
    ],
    ...otherTimes(groups).map((text): [boolean, string] => [true, text]),
    [
      slotGenes.withoutSymbol > 0,
      `${slotGenes.withoutSymbol} genes have no symbol and keep their name in the index.`,
    ],
    ...featureWarning(slotGenes.otherFeatures).map((text): [boolean, string] => [true, text]),
    [
      slotGenes.repeated.length > 0,
      `${slotGenes.repeated.length} gene symbols occur more than once (${some(slotGenes.repeated)}); ${facts.repeatedGenes === "keep" ? "their genes keep their ids" : "their counts were added up (--repeated-genes keep leaves them apart)"}.`,
    ],
    [
      slotGenes.genomes !== null,
      `The genes are of several genomes (${[slotGenes.genomes?.main, ...(slotGenes.genomes?.others ?? [])].join(", ")}); those of ${slotGenes.genomes?.main ?? ""} have their symbols, the others names of their own, so that none is taken for a gene of it. Cells of the other species should be left out (--only).`,
    ],
    [
      slotGenes.shortened,
      "Gene names were shortened to the symbol in them (GRCh38_ISG15 to ISG15, say).",
    ],
    ...dashedWarning(slotGenes.dashed).map((text): [boolean, string] => [true, text]),
    ...dateWarning(slotGenes.genes).map((text): [boolean, string] => [true, text]),
    ...[geneWarning(facts)].map((text): [boolean, string] => [text !== null, text ?? ""]),
    [renamed > 0, `${renamed} cell names occurred more than once and had a number appended.`],
  ];
  return [...source.why, ...warnings.filter(([applies]) => applies).map(([, text]) => text)];
}

/** Said where a matrix holds more than genes. */
export const featureWarning = (others: SlotGenes["otherFeatures"]): string[] =>
  others === null
    ? []
    : [
        `${others.isOther.filter((is) => is).length} features are no genes (${some(others.kinds)}) and were left out.`,
      ];

/** Said where R has put dots in place of dashes. */
function dashedWarning(dashes: SlotGenes["dashed"]): string[] {
  const [first] = dashes;
  return first === undefined
    ? []
    : [
        `${dashes.size} gene names have dots where their symbols have dashes, and were read as these (${first.join(" as ")}).`,
      ];
}

const DATE =
  /^(?:\d{1,2}[-. ](?:mar|sep|sept|dec|oct|apr|feb|nov)|(?:mar|sep|dec)[- ]\d{1,2}|(?:19|20)\d\d-\d\d-\d\d(?: 00:00:00)?)$/i;

/** Said where a spreadsheet has made dates of MARCHF1, SEPTIN2 and DELEC1. */
function dateWarning(genes: readonly string[]): string[] {
  const dates = genes.filter((gene) => DATE.test(gene));
  return dates.length === 0
    ? []
    : [
        `${dates.length} gene names are dates (${some(dates)}), as spreadsheets make them of names like MARCH1 and SEPT2, so these genes are not found by their names; take the names from a file that no spreadsheet has written.`,
      ];
}

/** Said where the genes are none that the knowledge has: then nothing can judge the biology. */
function geneWarning({ slotGenes: { genes }, columns, resolver }: ImportFacts): string | null {
  const known = knownGenes(genes, resolver);
  if (known === null || known > 0 || genes.length < MANY_GENES) return null;
  const what = /^ENS[A-Z]*G\d/.test(genes[0] ?? "") ? "Ensembl ids" : "no known gene symbols";
  return `The gene names (${some(genes, 3)}) are ${what}, so the biology of a run on this atlas cannot be judged; put symbols into a column of adata.var and ${columns.gene_symbols === null ? "name" : "name another"} with --gene-symbols-column.`;
}

/** Said where doses and times were taken out of labels. */
export function labelAmountWarning({ perturbation, amounts }: ColumnChoice): string[] {
  const labels = [...amounts.inLabels.keys()];
  const [first] = labels;
  if (first === undefined) return [];
  const { stem = "", dose, time } = amounts.inLabels.get(first) ?? {};
  const parts = [
    stem,
    ...(dose === undefined ? [] : [`dose ${dose}`]),
    ...(time === undefined ? [] : [`time ${time}`]),
  ];
  return [
    `${labels.length} labels of ${perturbation ?? ""} hold doses or times, which were taken out of them: "${first}" became ${parts.join(", ")}.`,
  ];
}

/** Said where no control cells are of the time of perturbed ones, though controls differ in it. */
function otherTimes(groups: readonly LabelledGroup[]): string[] {
  const timeOf = new Map(groups.map(({ group_id, covariates }) => [group_id, covariates?.time]));
  const own = groups.flatMap(({ control_group_id, covariates }) => {
    const control = timeOf.get(control_group_id ?? "");
    return control === undefined || covariates?.time === undefined || covariates.time === control
      ? []
      : [`${covariates.time} with ${control}`];
  });
  return own.length === 0
    ? []
    : [
        `${own.length} perturbed groups have no control cells of their time and are compared with those of another (${some([...new Set(own)])}).`,
      ];
}

function amountsOf(groups: readonly LabelledGroup[], name: "dose" | "time"): string[] {
  return [
    ...new Set(
      groups
        .filter(({ is_control }) => !is_control)
        .flatMap(({ covariates }) => covariates?.[name] ?? []),
    ),
  ];
}

function some(names: readonly string[], most = 5): string {
  const more = names.length - most;
  return `${names.slice(0, most).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
