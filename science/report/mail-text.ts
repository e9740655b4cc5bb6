import { fileURLToPath } from "node:url";
import { Eta } from "eta";
import type { ExpectedAccuracy } from "../accuracy/accuracy-schema.ts";
import { accuracyInWords, cleanTexts, scoreMeaning, shorten } from "./wording.ts";

export type MailKind = "run_completed" | "run_failed" | "run_cancelled";

export interface MailFacts {
  readonly run_id: string;
  readonly query: string;
  readonly final_score: number | null;
  readonly expected_accuracy?: ExpectedAccuracy | null | undefined;
  readonly termination_reason: string | null;
  readonly error_message: string | null;
  readonly output_anndata_path: string | null;
  readonly output_report_path: string | null;
  readonly output_log_path: string | null;
  /** Where the run can be seen; left out unless it is an http or https address. */
  readonly link?: string;
  readonly is_baseline: boolean;
  readonly simulated: boolean;
}

export interface MailText {
  /** One line. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const QUERY_CHARACTERS = 200;
const OPENINGS: Readonly<Record<MailKind, string>> = {
  run_completed: "Your HAYSTACK run is complete.",
  run_failed: "Your HAYSTACK run failed.",
  run_cancelled: "Your HAYSTACK run was cancelled.",
};
const REASONS: Readonly<Record<string, string>> = {
  converged: "the score reached the threshold",
  max_iterations: "all iterations were used",
  plateau: "the score had stopped improving",
  no_expected_gain: "neither expected accuracy nor score would have improved further",
  cancelled: "cancelled",
  failed: "failed",
};

const eta = new Eta({ views: fileURLToPath(new URL("templates/", import.meta.url)), cache: true });

/**
 * The mail of a run that ended. Plain text and HTML hold the same lines; the subject holds no text
 * of the user.
 */
export function renderMail(kind: MailKind, facts: MailFacts): MailText {
  const clean = cleanTexts(facts);
  const content = {
    opening: OPENINGS[kind],
    warnings: warningsOf(clean),
    lines: linesOf(kind, clean),
    link: webAddress(clean.link),
  };
  const text = [
    content.opening,
    ...(content.warnings.length > 0 ? ["", ...content.warnings] : []),
    "",
    ...content.lines.map(({ name, value }) => `${name}: ${value}`),
    ...(content.link === null ? [] : ["", `See the run: ${content.link}`]),
  ];
  return {
    subject: subjectOf(kind, facts.final_score),
    text: `${text.join("\n")}\n`,
    html: eta.render("./mail", content),
  };
}

function subjectOf(kind: MailKind, score: number | null): string {
  if (kind === "run_failed") return "HAYSTACK run failed";
  if (kind === "run_cancelled") return "HAYSTACK run cancelled";
  return score === null ? "HAYSTACK run complete" : `HAYSTACK run complete (score: ${score}/10)`;
}

function warningsOf(facts: MailFacts): readonly string[] {
  const warnings: string[] = [];
  if (facts.simulated)
    warnings.push(
      "SIMULATED DATA: the atlas was made by a simulator; nothing in this result is biological evidence.",
    );
  if (facts.is_baseline)
    warnings.push("BASELINE MODEL: predicted by the built-in baseline, not by STACK.");
  return warnings;
}

function linesOf(
  kind: MailKind,
  facts: MailFacts,
): readonly { readonly name: string; readonly value: string }[] {
  const lines = [
    { name: "Question", value: shorten(oneLine(facts.query), QUERY_CHARACTERS) },
    { name: "Run", value: facts.run_id },
  ];
  const add = (name: string, value: string | null): void => {
    if (value !== null) lines.push({ name, value: oneLine(value) });
  };
  if (kind === "run_completed") {
    add(
      "Score",
      facts.final_score === null
        ? null
        : `${facts.final_score} of 10: the predicted response ${scoreMeaning(facts.final_score)}`,
    );
    add(
      "Expected accuracy",
      facts.expected_accuracy ? accuracyInWords(facts.expected_accuracy) : null,
    );
    add(
      "Ended because",
      facts.termination_reason === null
        ? null
        : (REASONS[facts.termination_reason] ?? facts.termination_reason),
    );
  }
  if (kind === "run_failed")
    add(
      "What went wrong",
      facts.error_message ?? "The reason was not recorded; see the run's history.",
    );
  add("Predictions", facts.output_anndata_path);
  add("Report", facts.output_report_path);
  add("Log", facts.output_log_path);
  return lines;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function webAddress(link: string | undefined): string | null {
  if (link === undefined || !URL.canParse(link)) return null;
  const url = new URL(link);
  return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
}
