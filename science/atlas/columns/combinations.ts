import { controlReading, type IsOther } from "./control-labels.ts";
import { type GeneOf, geneWord } from "./gene-words.ts";
import type { CodedLabels } from "./labels.ts";

export interface Combinations {
  /** Of labels that are called otherwise the name of their combination. */
  readonly nameOf: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** What is known of the words in a label. */
export interface Words {
  readonly isOther: IsOther;
  readonly geneOf: GeneOf;
}

/** In place of the name of a part that is a control. */
const CONTROL = "";

/**
 * "A+B" and "B+A" are one combination, called as most of its cells call it. Labels in `except` hold more than the names of their parts.
 */
export function combinations(
  { name, labels, codes }: CodedLabels,
  except: ReadonlySet<string>,
  words: Words,
): Combinations {
  const cells = new Float64Array(labels.length);
  for (const code of codes) if (code >= 0) cells[code] = (cells[code] as number) + 1;
  const named = labels.flatMap((label, code) => {
    const parts = except.has(label) ? [] : combinedParts(label, words);
    const key = parts.toSorted().join("\n");
    return parts.length < 2 || parts.includes(CONTROL)
      ? []
      : [{ label, key, cells: cells[code] as number }];
  });
  const several = [...Map.groupBy(named, ({ key }) => key).values()]
    .filter((those) => those.length > 1)
    .map((those) => those.toSorted((a, b) => b.cells - a.cells || (a.label < b.label ? -1 : 1)));
  const nameOf = new Map(
    several.flatMap(([first, ...others]) =>
      others.map(({ label }) => [label, first?.label ?? label] as const),
    ),
  );
  const [example] = nameOf;
  return {
    nameOf,
    notes:
      example === undefined
        ? []
        : [
            `${nameOf.size} labels of ${name} have the parts of another in another order and were taken for the same (${example.join(" for ")}).`,
          ],
  };
}

/** One thing given after another: "LPS;IFNb" may be written for that. */
const IN_TURN = /[;>→]|\bthen\b/i;

/** The parts of a label, CONTROL for those that are one; none where all are, or it is no combination. */
export function combinedParts(label: string, words: Words): string[] {
  if (IN_TURN.test(label)) return [];
  const parts = label.split(/\s*(?:[+&|,]|--|__)\s*/).map((part) => part.trim());
  if (parts.includes("")) return [];
  const all = parts.flatMap((part) => joinedByLines(part, words) ?? [nameOf(part, words)]);
  return all.every((part) => part === CONTROL) ? [] : all;
}

/** The parts of "STAT1_IRF9" or "NT_STAT1", where each is a gene, a substance or a neutral guide. */
function joinedByLines(part: string, { isOther, geneOf }: Words): string[] | null {
  const split = part.split("_");
  if (split.length < 2) return null;
  const genes = split.map((word) => (isControl(word, isOther) ? CONTROL : geneWord(word, geneOf)));
  if (genes.every((gene) => gene !== null))
    return genes.some((gene) => gene !== CONTROL) ? genes.map(lower) : null;
  return split.every((word) => isOther(word) && !isControl(word, isOther))
    ? split.map(lower)
    : null;
}

const nameOf = (part: string, { isOther }: Words): string =>
  isControl(part, isOther) ? CONTROL : lower(part);
const isControl = (part: string, isOther: IsOther): boolean =>
  controlReading(part, isOther) !== null;
const lower = (text: string): string => text.toLowerCase();
