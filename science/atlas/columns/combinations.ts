import { controlReading, type IsOther } from "./control-labels.ts";
import type { CodedLabels } from "./labels.ts";

export interface Combinations {
  /** Of labels that are called otherwise the name of their combination. */
  readonly nameOf: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/**
 * "A+B" and "B+A" are one combination, called as most of its cells call it. Labels in `except` hold
 * more than the names of their parts.
 */
export function combinations(
  { name, labels, codes }: CodedLabels,
  except: ReadonlySet<string>,
  isOther: IsOther,
): Combinations {
  const cells = new Float64Array(labels.length);
  for (const code of codes) if (code >= 0) cells[code] = (cells[code] as number) + 1;
  const named = labels.flatMap((label, code) => {
    const parts = except.has(label) ? [] : partsOf(label, isOther);
    const key = parts
      .map((part) => part.toLowerCase())
      .toSorted()
      .join("\n");
    return parts.length < 2 ? [] : [{ label, key, cells: cells[code] as number }];
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

/** The parts of a combination of which none is a control; none for other labels. */
function partsOf(label: string, isOther: IsOther): string[] {
  if (IN_TURN.test(label)) return [];
  const parts = label.split(/\s*[+&|]\s*/).map((part) => part.trim());
  const all =
    parts.length === 1 && label.split("_").every((word) => isOther(word))
      ? label.split("_")
      : parts;
  return all.every((part) => part !== "" && controlReading(part, isOther) === null) ? all : [];
}
