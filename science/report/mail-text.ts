import { Eta } from "eta";
import { ownFile } from "../../own-files.ts";
import type { Basis } from "./basis.ts";
import { meaningOfScore } from "../grounding/meaning.ts";
import type { ExpectedAccuracy } from "../accuracy/accuracy-schema.ts";
import { accuracyInWords, cleanTexts, shorten } from "./wording.ts";

export type MailKind = "run_completed" | "run_failed" | "run_cancelled";

export interface MailFacts {
  readonly run_id: string;
  readonly query: string;
  readonly final_score: number | null;
  /** Of the delivered iteration, as the run document has them. */
  readonly verdict?: string;
  readonly reading?: string;
  /** False where no component of the score could be measured. */
  readonly is_judged?: boolean;
  readonly expected_accuracy?: ExpectedAccuracy | null | undefined;
  readonly termination_reason: string | null;
  readonly error_message: string | null;
  readonly output_anndata_path: string | null;
  readonly output_report_path: string | null;
  readonly output_log_path: string | null;
  /** Where the run can be seen; left out unless it is an http or https address. */
  readonly link?: string;
  readonly rests_on: readonly Basis[];
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

const eta = new Eta({ views: ownFile("science/report/templates"), cache: true });

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
    subject: subjectOf(kind, facts.is_judged === false ? null : facts.final_score),
    text: `${text.join("\n")}\n`,
    html: eta.render("./mail", content),
  };
}

function subjectOf(kind: MailKind, score: number | null): string {
  if (kind === "run_failed") return "HAYSTACK run failed";
  if (kind === "run_cancelled") return "HAYSTACK run cancelled";
  return score === null ? "HAYSTACK run complete" : `HAYSTACK run complete (score: ${score}/10)`;
}

const warningsOf = ({ rests_on }: MailFacts): readonly string[] =>
  rests_on
    .filter(({ caution }) => caution)
    .map(({ title, text }) => `${title.toUpperCase()}: ${oneLine(text)}`);

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
    add("Measured", facts.reading ?? null);
    add(
      "Score",
      facts.final_score === null
        ? null
        : `${facts.is_judged === false ? "none" : `${facts.final_score} of 10`}: the predicted response ${facts.verdict ?? meaningOfScore(facts.final_score)}`,
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
      withoutPlaces(facts.error_message ?? "The reason was not recorded; see the run's history."),
    );
  for (const { title, text, caution } of facts.rests_on) if (!caution) add(title, text);
  add("Predictions", facts.output_anndata_path);
  add("Report", facts.output_report_path);
  add("Log", facts.output_log_path);
  return lines;
}

/** A path from the root of a file system, of two parts or more; no part of an address. */
const PLACE = /(?<![\w:/.~-])(?:file:\/\/)?\/(?:[^\s/'"`,;()]+\/)+([^\s/'"`,;()]*)/g;

/** Where a server keeps its files is nothing for a mail: of a path the last part stays. */
function withoutPlaces(text: string): string {
  return text.replaceAll(PLACE, (_, last: string) => (last === "" ? "(a folder)" : last));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function webAddress(link: string | undefined): string | null {
  if (link === undefined || !URL.canParse(link)) return null;
  const url = new URL(link);
  return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
}
