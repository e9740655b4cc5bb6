import type { Token } from "./tokens.ts";

/** Words that say that a gene is lost or gained, and the genetic entries they lead to. */

export type GeneticEffect = "loss" | "gain";

const LOSS = new Set([
  "ko",
  "knockout",
  "knockouts",
  "kd",
  "knockdown",
  "knockdowns",
  "crispr",
  "crispri",
  "crisprko",
  "crisprcas9",
  "cas9",
  "sirna",
  "sirnas",
  "shrnas",
  "sgrnas",
  "grnas",
  "shrna",
  "sgrna",
  "grna",
  "rnai",
  "deletion",
  "deleted",
  "deleting",
  "deficient",
  "deficiency",
  "loss",
  "silencing",
  "silenced",
  "ablation",
  "ablating",
  "disruption",
  "disrupting",
  "null",
  "inactivation",
  "ausschalten",
  "ausschaltung",
  "verlust",
  "defizienz",
  "defizient",
  "defiziente",
  "defizienten",
  "deficients",
  "deficiente",
  "deficientes",
  "stilllegung",
  "knockoutzellen",
]);
const GAIN = new Set([
  "overexpression",
  "overexpressing",
  "overexpressed",
  "oe",
  "crispra",
  "vpr",
  "transactivation",
  "ueberexpression",
  "ueberexprimiert",
]);
const FORCED_EXPRESSION =
  /^(?:ectopic(?:ally)?|forced|enforced|transgenic|constitutive) express(?:ion|ed|ing)$/;
const LACK = new Set(["lacking", "lack", "lacks", "devoid", "missing"]);
const GUIDE_PREFIX = /^(?:sg|si|sh)(?=[a-z]{2})/;

/** What the word at `index` says, and how many tokens it takes ("knock out" takes two). */
export function geneticEffectAt(
  tokens: readonly Token[],
  index: number,
): { effect: GeneticEffect; length: number } | null {
  const key = tokens[index]?.key ?? "";
  if (key === "crispr" && isWordOfActivation(tokens[index + 1]))
    return { effect: "gain", length: 2 };
  if (LOSS.has(key)) return { effect: "loss", length: 1 };
  if (GAIN.has(key)) return { effect: "gain", length: 1 };
  const pair = `${key} ${tokens[index + 1]?.key ?? ""}`;
  if (/^knock(?:ed|ing)? (?:out|down)$/.test(pair)) return { effect: "loss", length: 2 };
  if (pair.startsWith("over express") || FORCED_EXPRESSION.test(pair))
    return { effect: "gain", length: 2 };
  return null;
}

/**
 * "CD8 T cells lacking PD-1": a loss only beside a gene that the cells themselves make, as "medium
 * lacking IL-2" is none.
 */
export function isWordOfLack(token: Token | undefined): boolean {
  return LACK.has(token?.key ?? "");
}

const DEPLETION = new Set([
  "depletion",
  "depleted",
  "depleting",
  "degradation",
  "degraded",
  "haploinsufficiency",
  "haploinsufficient",
]);
const BY_CRISPR = new Set(["repression", "repressed", "repressing", "krab"]);

/**
 * "CTCF-depleted cells": a loss beside a gene that the cells themselves make. Where a guide represses
 * (`isByGuide`), repression is one too; else it is mostly an outcome.
 */
export const isWordOfDepletion = (token: Token | undefined, isByGuide: boolean): boolean =>
  DEPLETION.has(token?.key ?? "") || (isByGuide && BY_CRISPR.has(token?.key ?? ""));

const GUIDED = /dcas9|crispri\b|\bkrab\b/i;
export const saysGuided = (text: string): boolean => GUIDED.test(text);

const ACTIVATION = new Set(["activation", "activating", "aktivierung"]);

/** "KLF1 activation": a gain beside a gene that nothing from outside activates. */
export function isWordOfActivation(token: Token | undefined): boolean {
  return ACTIVATION.has(token?.key ?? "");
}

const BE = new Set(["is", "are", "was", "were", "be", "being", "wird", "werden"]);

/** "KLF1 and MAP2K6 are activated", but no "activated T cells". */
export const isParticipleOfActivation = (tokens: readonly Token[], index: number): boolean =>
  tokens[index]?.key === "activated" && BE.has(tokens[index - 1]?.key ?? "");

/** "After IRF9 is lost." */
export const isParticipleOfLack = (tokens: readonly Token[], index: number): boolean =>
  ["lost", "absent", "missing", "removed", "gone"].includes(tokens[index]?.key ?? "") &&
  BE.has(tokens[index - 1]?.key ?? "");

/** "sgstat1" -> "stat1"; null when the word has no guide prefix. */
export function withoutGuidePrefix(key: string): string | null {
  return GUIDE_PREFIX.test(key) ? key.replace(GUIDE_PREFIX, "") : null;
}
