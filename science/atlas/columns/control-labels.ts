import { writtenTuples } from "./written-tuples.ts";

/**
 * Whether a label of a perturbation column marks control cells. A label may be compound: of
 * "A+ctrl" only A is meant, "ctrl+ctrl" is a control, and so is "vehicle (DMSO)".
 */

/** The kinds of control, the most telling first. */
const CONTROL_KINDS = [
  "non-targeting",
  "control",
  "vehicle",
  "untreated",
  "none",
  "like a control",
] as const;
export type ControlKind = (typeof CONTROL_KINDS)[number];

/** What the file itself knows of a word: a gene, another label of the column, a substance. */
export type IsOther = (word: string) => boolean;
const nothing: IsOther = () => false;

const GUIDE = String.raw`(?:sg|si|sh|g)?\s?`;
const WORDS: readonly (readonly [ControlKind, RegExp])[] = [
  [
    "non-targeting",
    new RegExp(
      `^${GUIDE}(?:non ?target(?:ing|ed)?|no ?target|ntc|ntg|nt|scrambled?|scr|safe ?target(?:ing)?|safe ?h(?:arbou?r)?|safe cutting|(?:one )?intergenic(?: site)?|negctrl|neg ctrl|no site|(?:one )?non ?gene ?site|gal4|ctrl ?(?:guide|grna|sgrna)|luciferase|luc|lacz|aavs1|rosa26)(?=\\d|g\\d|\\s|$)`,
    ),
  ],
  [
    "control",
    /^(?:(?:neg(?:ative)?|untreated|unperturbed|unstim(?:ulated)?|vehicle|solvent|healthy)\s)?(?:sg|si|sh)?(?:control|contrl|cntrl|ctrl|ctl|ctr)s?(?=\d|\s|$)/,
  ],
  [
    "vehicle",
    /^(?:dmso|dimethyl sulfoxide|pbs|vehicle|veh|mock|saline|(?:culture )?(?:medium|media)(?: (?:only|alone))?|etoh|ethanol|methanol|water|h2o(?!2)|solvent|bsa|isotype|empty vector)(?=\d|\s|$)/,
  ],
  [
    "untreated",
    /^(?:un(?:stimulated|stim|treated|treat|perturbed|exposed|infected|transduced|transfected|edited)|no ?(?:treatment|perturbation|stimulation|stim|stimulus|cytokine|drug|compound|guide)|not (?:treated|stimulated)|non ?(?:treated|stimulated|stim)|nostim|resting|baseline|wild ?type|wt|parental)(?=\s|$)/,
  ],
  ["none", /^(?:none|no)$/],
];
/** Reporters that stand for no factor where genes are expressed; "GFP+" and "GFP-" are sorted cells. */
const REPORTER = /^(?:(?:e|sf|d2e)?gfp|[emt]?[bry]fp|mcherry|tdtomato|mtagbfp2?)$/i;
/** What may follow the name of a control: numbers, amounts, times, replicates, guides. */
const HARMLESS =
  /^(?:#?\d[\d.,%]*|\d*(?:[.,]\d+)?\s?(?:%|h|hr|hrs|hours?|d|days?|min|nm|um|µm|mm|ng|ug|µg|mg|ml|ul|x)|(?:rep|replicate|r|d|donor|day|batch|plate|well|lane|guide|sgrna|grna|g|sg|no|v|p|n)\s?\d*|controls?|ctrl|group|cells?|sample|condition|only|alone|sirna|shrna|guides?|grna|sgrna|oligo|vector|site|ml|sham|mod)$/;

/** pMJ144, as vectors are called; PLX4720 is a drug. */
const PLASMID = /(?<![A-Za-z0-9])p[A-Z]{2,3}\d{2,4}(?![A-Za-z0-9])/g;

export interface ControlReading {
  readonly kind: ControlKind;
  /** Equal for labels of one control: those of "DMSO_1" and "DMSO 0.1%", of all neutral guides. */
  readonly base: string;
}

/** "0.1% DMSO". */
const LEADING_AMOUNT = /^\d+(?:[.,]\d+)?\s?(?:%|nm|um|µm|mm|ng|ug|µg|ml|ul|x)\s+/;

/** Null for a label that marks no control. */
export function controlReading(label: string, isOther: IsOther = nothing): ControlReading | null {
  const parts = partsOf(label);
  const readings = parts.flatMap((part) => readPart(part, isOther) ?? []);
  if (readings.length < parts.length) return null;
  return readings.toSorted((a, b) => rank(a.kind) - rank(b.kind))[0] ?? null;
}

/** The parts of a compound label that are no control: of "STAT1+ctrl" STAT1. */
export function perturbedParts(label: string, isOther: IsOther = nothing): string[] {
  const parts = partsOf(label);
  const meant = parts.filter((part) => readPart(part, isOther) === null);
  return parts.length === meant.length && parts.length === 1 ? [label.trim()] : meant;
}

export function rank(kind: ControlKind): number {
  return CONTROL_KINDS.indexOf(kind);
}

/** "A+ctrl", "A|B", "A__B", "A--B", "A;B", "A, B"; brackets explain what stands before them. */
function partsOf(label: string): string[] {
  const tuples = writtenTuples(label);
  if (tuples.length > 0) return tuples.map(({ name }) => name);
  return label
    .split(/\s*(?:\+(?=\s*[^\s+])|[|;&]|,\s|__|(?<=\w)--(?=\w))\s*/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function readPart(part: string, isOther: IsOther): ControlReading | null {
  if (REPORTER.test(part) && !isOther(part))
    return { kind: "like a control", base: part.toLowerCase() };
  const text = part
    .normalize("NFKC")
    .replaceAll(PLASMID, "vector")
    .toLowerCase()
    .replaceAll(/[\s_()[\]/:-]+/g, " ")
    .trim()
    .replace(LEADING_AMOUNT, "");
  for (const [kind, pattern] of WORDS) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const reading = { kind, base: kind === "non-targeting" ? kind : found[0].replace(/s$/, "") };
    const after = text.slice(found[0].length);
    const rest = after.trim();
    const adheres = rest !== "" && !after.startsWith(" ");
    if (adheres && (!/^g?\d+(?: |$)/.test(rest) || isOther(part.trim()))) continue;
    if (rest === "" || rest.split(" ").every((word) => HARMLESS.test(word))) return reading;
    if (kind === "untreated" || kind === "none") continue;
    const words = rest.split(" ");
    const next = words.slice(words.findIndex((word) => !HARMLESS.test(word))).join(" ");
    if (readPart(next, isOther) !== null) return reading;
    const original = part.trim().slice(-rest.length);
    if ((kind !== "vehicle" || rest.length > 3) && (isOther(original) || isOther(rest)))
      return null;
    return rest.includes(" ") ? null : { ...reading, kind: "like a control" };
  }
  return null;
}
