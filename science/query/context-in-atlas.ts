import type { AtlasIndex, CellGroup } from "../atlas/atlas-index.ts";
import { labelKey } from "../knowledge/tokens.ts";
import { vocabulary as names } from "../knowledge/vocabularies.ts";
import { originWords } from "./context-words.ts";
import type { Found, Kind, Origin } from "./context-words.ts";
import type { Context, StructuredQuery } from "./structured-query.ts";

/** What atlases say of where their cells come from, and which cells a question's words choose. */

/** What the atlases say of the origin of their control cells, by the keys of the labels. */
export function labelsOfSamples(atlases: readonly AtlasIndex[]): ReadonlyMap<string, Origin> {
  const labels = new Map<string, Origin>();
  for (const { groups, sample_columns = [] } of atlases)
    for (const { name: column, kind } of sample_columns)
      for (const value of new Set(
        groups.flatMap(({ is_control, sample }) => (is_control ? (sample?.[column] ?? []) : [])),
      )) {
        const key = labelKey(value);
        if (key.length > 2 && /\p{L}/u.test(key) && !MEANS_NOTHING.test(value))
          labels.set(key, meaningOf(kind, value));
      }
  return labels;
}

const MEANS_NOTHING = /^(?:control|unknown|none|other|na|n\/a|nan|all|cell|cells|culture|yes|no)$/i;
const HEALTHY = new Set(["normal", "healthy", "control", "ctrl", "hc", "nondiseased"]);

/** What a word means, with the id of its vocabulary where it has one. */
function meaningOf(kind: Kind, label: string): Origin {
  const key = labelKey(label);
  const known = originWords().byKey.get(key);
  if (known !== undefined) return known;
  const list = kind === "disease" ? "diseases" : "tissues";
  const concept = kind === "disease" || kind === "tissue" ? names(list).find(key) : null;
  return { kind, name: concept?.name ?? label, id: concept?.id ?? null };
}

/**
 * Which control cells of the asked type each of them chooses in the atlases, one after another: where
 * none is left the cells are chosen without it.
 */
export function inAtlases(
  origins: readonly Found[],
  atlases: readonly AtlasIndex[],
  asked: StructuredQuery["cell_type"],
): Context[] {
  const columns = atlases.flatMap(({ sample_columns = [] }) => sample_columns);
  let candidates = atlases
    .flatMap(({ groups }) => groups)
    .filter(
      ({ is_control, n_cells, cell_type }) =>
        is_control && n_cells > 0 && asked.atlas_labels.includes(cell_type),
    );
  return origins.map(({ kind, name, id, text }): Context => {
    const context = { kind, name, id, text };
    const own = columns.filter(
      (column) => column.kind === kind || (OF_DONORS.has(kind) && OF_DONORS.has(column.kind)),
    );
    for (const column of new Set(own.map((each) => each.name))) {
      const held = valuesOf(candidates, column);
      const values = held.filter((value) => means(value, { kind, name, id, text }));
      if (values.length === 0) continue;
      candidates = candidates.filter(({ sample }) => values.includes(sample?.[column] ?? ""));
      return { ...context, chose: { column, values } };
    }
    const narrowed =
      kind === "tissue" &&
      (asked.name.toLowerCase().includes(name.toLowerCase()) || asked.matched_text.includes(text));
    const there = columns
      .filter((column) => column.kind === kind)
      .flatMap(({ name: column }) => valuesOf(candidates, column));
    return {
      ...context,
      chose: narrowed ? "cell_type" : null,
      ...(there.length === 0 || narrowed ? {} : { held: there.slice(0, MOST_HELD) }),
    };
  });
}

/** Both tell patients from healthy donors. */
const OF_DONORS: ReadonlySet<Kind> = new Set(["disease", "donor_group"]);
const MOST_HELD = 8;

const valuesOf = (groups: readonly CellGroup[], column: string): string[] => [
  ...new Set(groups.flatMap(({ sample }) => sample?.[column] ?? [])),
];

function means(
  value: string,
  { kind, name, id, text }: Origin & { readonly text: string },
): boolean {
  const key = labelKey(value);
  if ([name, text].some((each) => labelKey(each) === key)) return true;
  if (name === "healthy" && HEALTHY.has(key)) return true;
  if (name === "female" && key === "f") return true;
  if (name === "male" && key === "m") return true;
  const meaning = meaningOf(kind, value);
  return id === null ? meaning.name === name : meaning.id === id;
}

/** Whether a group is of all that chose cells. */
export function isOfContext(
  { context = [] }: { readonly context?: readonly Context[] | undefined },
  { sample }: CellGroup,
): boolean {
  return context.every(
    ({ chose }) =>
      chose === null ||
      chose === "cell_type" ||
      chose.values.includes(sample?.[chose.column] ?? ""),
  );
}
