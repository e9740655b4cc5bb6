import { HaystackError } from "../errors.ts";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import { labelKey } from "../science/knowledge/tokens.ts";
import { understandQuestion } from "../science/query/understand.ts";

/** One question read by rules, and whether the reading is what its name means. */

export const VERDICTS = ["right", "wrong", "broader_said", "broader_silent", "refused"] as const;
export type Verdict = (typeof VERDICTS)[number];

interface Read {
  readonly cell: { readonly id: string | null; readonly name: string; readonly labels: string[] };
  /** Null where the question was refused for its cells alone. */
  readonly given: {
    readonly id: string | null;
    readonly name: string;
    readonly words: string;
    readonly match: string;
    readonly gene: string | undefined;
    readonly drugbank: string | undefined;
  } | null;
  readonly said: string;
}

/** Null where the question was refused without naming a cell type. */
export function read(question: string, atlas: AtlasIndex): Read | null {
  try {
    const { cell_type, perturbation, ambiguities } = understandQuestion(question, [atlas]);
    return {
      cell: {
        id: cell_type.cell_ontology_id,
        name: cell_type.name,
        labels: cell_type.atlas_labels,
      },
      given: {
        id: perturbation.id,
        name: perturbation.name,
        words: perturbation.matched_text,
        match: perturbation.match,
        gene: perturbation.external_ids["hgnc"],
        drugbank: perturbation.external_ids["drugbank"],
      },
      said: ambiguities
        .filter(({ field }) => field === "cell_type")
        .map(({ text, chosen, alternatives }) => [text, chosen, ...alternatives].join(" "))
        .join("; ")
        .toLowerCase(),
    };
  } catch (thrown) {
    if (!(thrown instanceof HaystackError)) throw thrown;
    if (thrown.code !== "CELL_TYPE_NOT_IN_ATLAS") return null;
    const { cell_ontology_id: id, cell_type } = thrown.details ?? {};
    return {
      cell: {
        id: typeof id === "string" ? id : null,
        name: typeof cell_type === "string" ? cell_type : "",
        labels: [],
      },
      given: null,
      said: thrown.message.toLowerCase(),
    };
  }
}

export function judgeCell(
  reading: Read | null,
  asked: { readonly id: string; readonly name: string; readonly ancestors: readonly string[] },
): Verdict {
  if (reading === null || reading.cell.id === null) return "refused";
  if (reading.cell.id === asked.id) return "right";
  if (!asked.ancestors.includes(reading.cell.id)) return "wrong";
  return reading.said.includes(asked.name.toLowerCase()) ? "broader_said" : "broader_silent";
}

/** A line is itself, or the type whose line it is, which is said. */
export function judgeLine(
  reading: Read | null,
  name: string,
  lineage: ReadonlyMap<string, string>,
): Verdict {
  if (reading === null || reading.cell.name === "") return "refused";
  if (labelKey(reading.cell.name) === labelKey(name)) return "right";
  if (reading.cell.labels.length > 0)
    return reading.cell.labels.every((label) => labelKey(label) === labelKey(name))
      ? "right"
      : reading.cell.id === lineage.get(labelKey(name))
        ? "broader_said"
        : "wrong";
  return reading.cell.id === lineage.get(labelKey(name)) ? "refused" : "wrong";
}

/** A name is read whole and unchanged, as the entry that it is known to have if it has one. */
export function judgeGiven(
  reading: Read | null,
  asked: { readonly names: readonly string[]; readonly id: string | null },
): Verdict {
  const given = reading?.given ?? null;
  if (given === null) return "refused";
  if (asked.id !== null) return given.id === asked.id ? "right" : "wrong";
  const keys = asked.names.map(labelKey);
  return given.match !== "spelling" && keys.includes(labelKey(given.words)) ? "right" : "wrong";
}
