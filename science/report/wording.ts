import type { ExpectedAccuracy } from "../accuracy/accuracy-schema.ts";
import type { GroundingComponentName } from "../grounding/grounding.ts";
import type { PromptStrategy } from "../prompting/prompt-plan.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";

/** Words and number formats shared by the report, its charts and the mails. No locale, no clock. */

export const COMPONENT_TITLES: Readonly<Record<GroundingComponentName, string>> = {
  pathway_coherence: "Pathway coherence",
  target_activation: "Target activation",
  literature_support: "Literature support",
  network_coherence: "Network coherence",
};

export const STRATEGY_TITLES: Readonly<Record<PromptStrategy, string>> = {
  direct: "Direct: same perturbation, same cell type",
  mechanistic: "Mechanistic: a perturbation sharing targets or pathways",
  semantic: "Semantic: a similar perturbation or context",
  ontology: "Ontology: the nearest cell types",
};

/** What the prediction is compared with. */
export const CONTROL_STRATEGY_REFERENCES = {
  synthetic_control: "a second prediction, prompted with matched control cells",
  query_as_control: "the unperturbed query cells themselves",
} as const;

export const TERMINATION_SENTENCES = {
  converged: "The score reached the threshold.",
  max_iterations: "All iterations were used without reaching the threshold.",
  plateau: "The score had stopped improving.",
  no_expected_gain:
    "By what the atlas tells, neither expected accuracy nor score would have improved further.",
} as const;

/** "0.82 (90% interval 0.70 to 0.90)", or "unknown" with the reason, as the end of a line. */
export function accuracyInWords(expected: ExpectedAccuracy): string {
  return expected.known
    ? `${expected.pearson.toFixed(2)} (90% interval ${expected.low.toFixed(2)} to ${expected.high.toFixed(2)}; ${expected.responses} measured ${expected.left_out === "donors" ? "responses of donors" : "cell types"} left out in turn)`
    : `unknown. ${expected.reason}`;
}

export function plural(count: number, noun: string): string {
  return `${groupDigits(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export { pValue } from "../statistics/p-value.ts";

/** 12345 -> "12,345". */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1.25" with a true minus sign and an explicit plus. */
export function signed(value: number): string {
  if (Number.isNaN(value)) return "not measured";
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * At most `length` characters (code points), then an ellipsis; what a reader sees as one character
 * is kept or left out whole.
 */
export function shorten(text: string, length: number): string {
  const characters = Array.from(text);
  if (characters.length <= length) return text;
  const cut = characters.slice(0, length).join("");
  const last = graphemes.segment(text).containing(cut.length);
  const whole = last === undefined || last.index === 0 ? cut : text.slice(0, last.index);
  return `${whole.trimEnd()}…`;
}

/** A gene's name as a chart or sentence has room for it: without an Ensembl suffix, at most 16 characters. */
export function chartGeneName(gene: string): string {
  return shorten(gene.slice(0, geneSymbol(gene).length), 16);
}

export function verdict({
  supports,
  silent,
}: {
  readonly supports: boolean;
  readonly silent?: true;
}): string {
  if (supports) return "✓ supports";
  return silent === true ? "– neither" : "✗ contradicts";
}

/** "a, b and c". */
export function list(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/**
 * Plain JSON with every text made fit for a page: no control characters, no halves of surrogate
 * pairs.
 */
export function cleanTexts<Value>(value: Value): Value {
  if (typeof value === "string") return cleanText(value) as Value;
  if (Array.isArray(value)) return value.map(cleanTexts) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [cleanText(key), cleanTexts(inner)]),
  ) as Value;
}

function cleanText(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- they are what is replaced
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, "\ufffd")
  );
}
