import type { AtlasIndex, CellGroup } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { ancestors } from "../knowledge/ontology.ts";
import { labelKey } from "../knowledge/tokens.ts";
import type { Stated } from "./amounts.ts";
import { wordsOf } from "./mention.ts";
import type { CellTypeMention, Mention, Sentence } from "./mention.ts";
import { amountsOf, nearestAmount } from "./nearest-amount.ts";
import { quotable } from "./question-error.ts";
import type { StructuredQuery } from "./structured-query.ts";

/** What else a question could have meant, and what was taken for what it says. */

type Ambiguity = StructuredQuery["ambiguities"][number];

/** Says that the primary cells of its lineage stand for a cell line that no atlas has. */
export function lineageForLine(
  { meaning, name }: CellTypeMention,
  { name: chosen, matched_text: text, atlas_labels }: StructuredQuery["cell_type"],
): Ambiguity[] {
  if (name === null || meaning.entry?.cell_lines.includes(name) !== true) return [];
  if (atlas_labels.some((label) => labelKey(label) === labelKey(name))) return [];
  return [{ field: "cell_type", text, chosen, alternatives: [`cell line ${name}`] }];
}

/** Says of "THP-1 macrophages" that cells of the line were read, which are monocytes. */
export function otherLineage(
  line: CellTypeMention,
  cells: readonly CellTypeMention[],
  { name: chosen }: StructuredQuery["cell_type"],
  sentence: Sentence,
  knowledge: Knowledge,
): Ambiguity[] {
  const own = knowledge.cellTypes.find(({ cell_lines }) =>
    cell_lines.some((each) => labelKey(each) === labelKey(line.name ?? "")),
  );
  if (own === undefined) return [];
  const isAlike = (other: string): boolean =>
    other === own.id ||
    ancestors(knowledge, own.id).has(other) ||
    ancestors(knowledge, other).has(own.id);
  return cells.flatMap((each): Ambiguity[] => {
    const id = each.meaning.entry?.id;
    if (id === undefined || id === MALIGNANT || isAlike(id)) return [];
    const whole = {
      ...line,
      from: Math.min(line.from, each.from),
      to: Math.max(line.to, each.to),
    };
    return [
      { field: "cell_type", text: quotable(wordsOf(whole, sentence)), chosen, alternatives: [] },
    ];
  });
}
const MALIGNANT = "CL:0001064";

interface ChosenMention {
  readonly field: Ambiguity["field"];
  readonly chosenName: string;
  readonly chosen: Mention;
}

/** The further mentions, as what else the question could have asked about. */
export function others(
  { field, chosenName, chosen }: ChosenMention,
  mentions: readonly Mention[],
  sentence: Sentence,
): Ambiguity[] {
  const alternatives = [
    ...new Set(mentions.filter((mention) => mention !== chosen).map(called)),
  ].filter((other) => other !== chosenName && ![nameOf(chosen), called(chosen)].includes(other));
  if (alternatives.length === 0) return [];
  return [
    {
      field,
      text: mentions.map((mention) => wordsOf(mention, sentence)).join(", "),
      chosen: chosenName,
      alternatives,
    },
  ];
}

/** Says which dose and time of the atlas answer the question, or that they are pooled. */
export function amountsTaken(
  { atlas_labels, matched_text }: StructuredQuery["perturbation"],
  asked: { readonly dose: string | null; readonly time: string | null },
  atlases: readonly AtlasIndex[],
): Ambiguity[] {
  const groups = atlases
    .flatMap((atlas) => atlas.groups)
    .filter(({ is_control, perturbation }) => !is_control && atlas_labels.includes(perturbation));
  return (["dose", "time"] as const).flatMap((field): Ambiguity[] => {
    const given = amountsOf(groups, field);
    const wanted = asked[field];
    if (given.length < 2 && (wanted === null || given.length === 0 || given.includes(wanted)))
      return [];
    const nearest = wanted === null ? null : nearestAmount(wanted, given);
    const pooled = wanted === null ? given : notCompared(wanted, groups, field);
    if (nearest !== null && nearest === wanted && pooled.length === 0) return [];
    const all = `all pooled (${pooled.join(", ")}${whyPooled(wanted, pooled, field)})`;
    return [
      {
        field,
        text: wanted ?? matched_text,
        chosen: [
          ...(nearest === null ? [] : [nearest]),
          ...(pooled.length === 0 ? [] : [all]),
        ].join("; elsewhere "),
        alternatives: given.filter((amount) => amount !== nearest),
      },
    ];
  });
}

/** Two lines of one kind of cells are told apart by their own names. */
const called = (mention: Mention): string =>
  mention.meaning.kind === "cell_type" &&
  mention.name !== null &&
  mention.meaning.entry?.cell_lines.includes(mention.name) === true
    ? mention.name
    : nameOf(mention);

/** The amounts of data sets and cell types in which none can be compared with the asked one. */
function notCompared(
  wanted: string,
  groups: readonly CellGroup[],
  field: "dose" | "time",
): readonly string[] {
  const families = Map.groupBy(groups, ({ dataset, cell_type, perturbation }) =>
    JSON.stringify([dataset, cell_type, perturbation]),
  );
  const unlike = [...families.values()].filter(
    (own) => nearestAmount(wanted, amountsOf(own, field)) === null,
  );
  return amountsOf(unlike.flat(), field);
}

function whyPooled(wanted: string | null, pooled: readonly string[], field: string): string {
  if (pooled.some((amount) => /^[\d.e+-]+$/i.test(amount)))
    return wanted === null
      ? "; their unit is not known"
      : `; their unit is not known, so that no ${field} can be compared with ${wanted}`;
  return wanted === null ? "" : `; none can be compared with ${wanted}`;
}

export function otherStated(
  field: Ambiguity["field"],
  [chosen, ...rest]: readonly Stated[],
): Ambiguity[] {
  if (chosen === undefined || rest.length === 0) return [];
  return [
    {
      field,
      text: [...new Set([chosen, ...rest].map(({ text }) => text))].join(", "),
      chosen: chosen.value,
      alternatives: rest.map(({ value }) => value),
    },
  ];
}

export function nameOf({ meaning }: Mention): string {
  return meaning.kind === "ambiguous" ? meaning.label : (meaning.entry?.name ?? meaning.label);
}
