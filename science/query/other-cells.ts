import type { Knowledge } from "../knowledge/knowledge.ts";
import { ancestors } from "../knowledge/ontology.ts";
import { tokenise } from "../knowledge/tokens.ts";
import type { CellTypeMention, Sentence } from "./mention.ts";
import { markersOfLabel, saidMarkers, signedMarkers, withoutMarkers } from "./signed-markers.ts";
import type { Marker } from "./signed-markers.ts";
import type { StructuredQuery } from "./structured-query.ts";

/**
 * What a question says of its cells that makes them others than the labels of the atlases: "CD14-
 * monocytes" are no CD14+ Monocytes, B-cell lymphoma cells no B cells, unstimulated THP-1 no
 * "THP-1 (stimulated)".
 */

interface Read {
  readonly asked: CellTypeMention;
  readonly cell_type: StructuredQuery["cell_type"];
  readonly sentence: Sentence;
  readonly knowledge: Knowledge;
  /** All cell types of the atlases. */
  readonly labels: readonly string[];
}

/** The words that say so; null where nothing does. */
export function otherCells(read: Read): string | null {
  return otherSign(read) ?? otherDisease(read) ?? otherState(read) ?? unlikeState(read);
}

/** A lack of what all cells of the type have is said of other cells. */
const OF_TYPE: Readonly<Record<string, string>> = {
  CD3: "CL:0000084",
  CD3E: "CL:0000084",
  CD4: "CL:0000624",
  CD8: "CL:0000625",
  CD8A: "CL:0000625",
  CD19: "CL:0000236",
  MS4A1: "CL:0000236",
  CD14: "CL:0000576",
  NCAM1: "CL:0000623",
  ITGAX: "CL:0000451",
};

const MOST_IN_FRONT = 8;

function otherSign({ asked, cell_type, sentence, knowledge, labels }: Read): string | null {
  const { text, tokens } = sentence;
  const start = Math.max(0, asked.from - MOST_IN_FRONT);
  const end = tokens[asked.to - 1]?.end ?? 0;
  const clause =
    text
      .slice(tokens[start]?.start, end)
      .split(/[.;:?!,]\s|\b(?:and|or|vs|versus|to|on|of)\s/)
      .at(-1) ?? "";
  const types = asked.meaning.entry === null ? [] : [asked.meaning.entry.id];
  const lineage = new Set(types.flatMap((id) => [id, ...ancestors(knowledge, id)]));
  const names =
    asked.meaning.entry === null ? [] : [asked.meaning.entry.name, ...asked.meaning.entry.synonyms];
  const own = names.flatMap((name) => signedMarkers(name, knowledge));
  const ofLabels = cell_type.atlas_labels.flatMap((label) => markersOfLabel(label, knowledge));
  const ofOthers = ofOtherLabels(cell_type.atlas_labels, labels, knowledge);
  const isOther = ({ gene, isThere }: Marker): boolean => {
    const agrees = own.some((each) => each.gene === gene && each.isThere === isThere);
    const denied = ofLabels.some((each) => each.gene === gene && each.isThere !== isThere);
    const ofType = OF_TYPE[gene];
    const tellsOthers =
      isThere && !ofLabels.some((each) => each.gene === gene) && ofOthers.has(gene);
    return (
      denied || tellsOthers || (!isThere && !agrees && ofType !== undefined && lineage.has(ofType))
    );
  };
  const other = signedMarkers(clause, knowledge).find(isOther);
  if (other !== undefined) return clause.slice(clause.indexOf(other.words)).trim();
  const behind = /^,?[^.;:?!,。？！；]{0,80}/.exec(text.slice(end))?.[0] ?? "";
  const said = (
    BEHIND_CELLS.test(behind)
      ? [...signedMarkers(behind, knowledge), ...saidMarkers(behind, knowledge)]
      : []
  ).find(isOther);
  if (said === undefined) return null;
  return text.slice(
    tokens[asked.from]?.start,
    end + behind.indexOf(said.words) + said.words.length,
  );
}

/** A clause about cells, and not what they are given or how they answer. */
const BEHIND_CELLS =
  /^\s*(?:\(|,\s*[\p{L}\p{N}-]{2,10}[\s-](?:positive|negative|high|low|bright|dim)\b|(?:that|which|who)\b|(?:co-?)?expressing\b|positive\b|negative\b|high\b|low\b|sorted\b|gated\b|selected\b|enriched\b|bearing\b|carrying\b|displaying\b)/u;

/** The markers that other labels of the same cells have: CD4 beside "CD8 T cells" where there are "CD4 T cells". */
function ofOtherLabels(
  own: readonly string[],
  labels: readonly string[],
  knowledge: Knowledge,
): ReadonlySet<string> {
  const names = new Set(own.map((label) => withoutMarkers(label, knowledge)));
  const others = labels.filter(
    (label) => !own.includes(label) && names.has(withoutMarkers(label, knowledge)),
  );
  return new Set(
    others.flatMap((label) =>
      markersOfLabel(label, knowledge).flatMap(({ gene, isThere }) => (isThere ? [gene] : [])),
    ),
  );
}

const wordSet = (list: string): ReadonlySet<string> => new Set(list.split(" "));
export const TUMOUR =
  /^(?:\p{L}*(?:lymphoma|leuk(?:a)?emia|myeloma|sarcoma|carcinoma|blastoma)s?|tumou?rs?|cancers?|neoplasms?|malignanc(?:y|ies)|hybridomas?)$/u;
/** Between cells and the name of what they became: "B-cell acute lymphoblastic leukemia". */
const OF_TUMOUR = wordSet(
  "acute chronic lymphoblastic lymphocytic prolymphocytic myeloid non hodgkin lymphoblastoid immortalized",
);
const TURNED = wordSet(
  "malignant leukemic leukaemic neoplastic transformed immortalised immortalized cancerous tumorigenic tumorous lymphomatous cll",
);
const LINE = wordSet("line lines lymphoblastoid");
const SAYS_SO =
  /line|lymphoma|leuk|myeloma|sarcoma|carcinoma|blastoma|tumou?r|cancer|neoplas|malignan|transformed|immortal/i;

function otherDisease({ asked, cell_type, sentence }: Read): string | null {
  const { text, tokens } = sentence;
  const { entry } = asked.meaning;
  const isOfTissue =
    entry !== null && !SAYS_SO.test(entry.name) && !entry.cell_lines.includes(asked.name ?? "");
  if (!isOfTissue || cell_type.atlas_labels.some((label) => SAYS_SO.test(label))) return null;
  const key = (index: number): string => tokens[index]?.key ?? "";
  const joins = (left: number): boolean =>
    /^[\s\p{Pd}]*$/u.test(text.slice(tokens[left]?.end, tokens[left + 1]?.start));
  const between = (from: number, to: number): string =>
    text.slice(tokens[from]?.start, tokens[to]?.end);
  let after = asked.to;
  while (key(after) === "cell" || key(after) === "cells" || OF_TUMOUR.has(key(after))) after++;
  if (joins(after - 1) && (TUMOUR.test(key(after)) || LINE.has(key(after))))
    return between(asked.from, after);
  if (LINE.has(key(after - 1)) && joins(after - 2)) return between(asked.from, after - 1);
  const before = key(asked.from - 1) === "derived" ? asked.from - 2 : asked.from - 1;
  const isDenied = ["non", "not", "pre"].includes(key(before - 1));
  if (
    before >= 0 &&
    joins(before) &&
    !isDenied &&
    (TURNED.has(key(before)) || TUMOUR.test(key(before)))
  )
    return between(before, asked.to - 1);
  return null;
}

const AT_REST = wordSet(
  "unstimulated nonstimulated resting unprimed unactivated nonactivated untreated quiescent naive",
);
const STIMULATED = wordSet("stimulated activated primed stimulation activation");
const DENIES = wordSet("not non un never without no");
const COMPARED = wordSet("versus vs than to with against");

/** States of which cells have one; those of one row go together. */
const STATES = [
  "naive resting quiescent unstimulated",
  "activated stimulated primed effector",
  "memory",
  "exhausted",
  "anergic",
  "senescent",
  "regulatory",
].map(wordSet);

const rowsOf = (keys: readonly string[]): ReadonlySet<number> =>
  new Set(keys.flatMap((key) => STATES.flatMap((row, at) => (row.has(key) ? [at] : []))));

/** "Activated CD8 T cells" where the atlas has exhausted ones alone. */
function unlikeState({ asked, cell_type, sentence: { text, tokens } }: Read): string | null {
  const before = asked.from - 1;
  const gap = text.slice(tokens[before]?.end, tokens[asked.from]?.start);
  const wanted = before < 0 || !/^[\s\p{Pd}]+$/u.test(gap) ? [] : [tokens[before]?.key ?? ""];
  const rows = [...rowsOf(wanted)];
  if (rows.length === 0) return null;
  const held = cell_type.atlas_labels.map((label) => rowsOf(tokenise(label).map(({ key }) => key)));
  const isUnlike = held.every((own) => own.size > 0 && !rows.some((row) => own.has(row)));
  return isUnlike ? text.slice(tokens[before]?.start, tokens[asked.to - 1]?.end) : null;
}

/** Says of the cells that they are, or are not, stimulated, against what their label says. */
function otherState({ asked, cell_type, sentence }: Read): string | null {
  const states = cell_type.atlas_labels.map((label) =>
    statesOf(tokenise(label).map(({ key }) => key)),
  );
  const { text, tokens, taken } = sentence;
  const keys = tokens.map(({ key }) => key);
  if (states.length === 0) return null;
  const quoted = (index: number): string => text.slice(tokens[index]?.start, tokens[index]?.end);
  const isIn = (index: number): boolean => index >= asked.from && index < asked.to;
  for (const [index] of keys.entries()) {
    if (taken[index] === 1 && !isIn(index)) continue;
    const isControl =
      COMPARED.has(keys[index - 1] ?? "") && !["with"].includes(keys[index - 1] ?? "");
    if (states.every(({ stimulated }) => stimulated) && isAtRest(keys, index) && !isControl)
      return quoted(index);
    const isBeside = index === asked.from - 1;
    if (states.every(({ resting }) => resting) && isBeside && isStimulated(keys, index))
      return quoted(index);
  }
  return null;
}

function isAtRest(keys: readonly string[], index: number): boolean {
  const key = keys[index] ?? "";
  if (AT_REST.has(key)) return true;
  if (key === "rest") return keys[index - 1] === "at";
  if (key === "stimulation" && keys[index - 1] === "before") return true;
  return STIMULATED.has(key) && isDenied(keys, index);
}

const isDenied = (keys: readonly string[], index: number): boolean =>
  DENIES.has(keys[index - 1] ?? "") ||
  (keys[index - 1] === "any" && DENIES.has(keys[index - 2] ?? "")) ||
  (keys[index - 1] === "of" && keys[index - 2] === "absence");

const isStimulated = (keys: readonly string[], index: number): boolean =>
  STIMULATED.has(keys[index] ?? "") && !isDenied(keys, index);

function statesOf(keys: readonly string[]): { stimulated: boolean; resting: boolean } {
  const resting = keys.some((_, index) => isAtRest(keys, index));
  return { resting, stimulated: !resting && keys.some((_, index) => isStimulated(keys, index)) };
}
