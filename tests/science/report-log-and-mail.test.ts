import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MailFacts } from "../../science/report/mail-text.ts";
import { renderMail } from "../../science/report/mail-text.ts";
import { renderRunLog } from "../../science/report/run-log.ts";
import { runResult } from "./report-fixtures.ts";

/** The same JSON with every object's keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}

describe("the run log", () => {
  const log = { ...runResult(), history: [{ at: "2025-03-04T10:00:03Z", state: "analyzing" }] };

  test("holds all of the result and its history as JSON", () => {
    expect(JSON.parse(renderRunLog(log))).toEqual({ format: "haystack-log/1", ...log });
  });

  test("does not depend on the order in which the input was built", () => {
    expect(renderRunLog(reversed(log) as typeof log)).toBe(renderRunLog(log));
  });
});

const FACTS: MailFacts = {
  run_id: "run-7f3a",
  query: "How would B cells respond to IFN-beta?",
  final_score: 8,
  termination_reason: "converged",
  error_message: null,
  output_anndata_path: "results/run-7f3a/run-7f3a_predictions.h5ad",
  output_report_path: "results/run-7f3a/run-7f3a_report.html",
  output_log_path: "results/run-7f3a/run-7f3a_log.json",
  link: "https://haystack.example.org/runs/run-7f3a",
  rests_on: [{ title: "Model", text: "Predicted by stack.", caution: false }],
};

/** What a reader of the HTML part sees, line by line. */
function visibleLines(html: string): readonly string[] {
  const body = html.slice(html.indexOf("<body"));
  const text = body
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
  return text.split("\n").filter((line) => line !== "");
}

describe("mails", () => {
  test("subjects", () => {
    expect(renderMail("run_completed", FACTS).subject).toBe("HAYSTACK run complete (score: 8/10)");
    expect(renderMail("run_failed", FACTS).subject).toBe("HAYSTACK run failed");
    expect(renderMail("run_cancelled", FACTS).subject).toBe("HAYSTACK run cancelled");
  });

  test("a completed run: score, reason, files, link", () => {
    expect(renderMail("run_completed", FACTS).text).toBe(`Your HAYSTACK run is complete.

Question: How would B cells respond to IFN-beta?
Run: run-7f3a
Score: 8 of 10: the predicted response agrees well with what is known
Ended because: the score reached the threshold
Model: Predicted by stack.
Predictions: results/run-7f3a/run-7f3a_predictions.h5ad
Report: results/run-7f3a/run-7f3a_report.html
Log: results/run-7f3a/run-7f3a_log.json

See the run: https://haystack.example.org/runs/run-7f3a
`);
  });

  test.each([
    [
      "/srv/haystack-data/objects/batch-io/r1/iter_1/predictions.h5ad is damaged; copy it again.",
      "predictions.h5ad is damaged; copy it again.",
    ],
    [
      "The run store /var/lib/haystack/runs.sqlite cannot be used (the disk is full); check the file.",
      "The run store runs.sqlite cannot be used (the disk is full); check the file.",
    ],
    [
      "There is no folder '/home/ada/atlases/' (see /home/ada/x y/z).",
      "There is no folder '(a folder)' (see x y/z).",
    ],
    ["file:///data/a/b.h5ad is gone", "b.h5ad is gone"],
    [
      "See https://cloud.google.com/batch/docs, gs://bucket/a/b and results/r1/log.json; 1/2 of IL-12/15/18.",
      "See https://cloud.google.com/batch/docs, gs://bucket/a/b and results/r1/log.json; 1/2 of IL-12/15/18.",
    ],
  ])("a mail names no place of the server (%s)", (error_message, told) => {
    const mail = renderMail("run_failed", { ...FACTS, error_message });
    expect(mail.text).toContain(`What went wrong: ${told}\n`);
    expect(mail.html).not.toMatch(/srv|var\/lib|home|\/data/);
  });

  test("a failed run says what went wrong, and no score", () => {
    const { text } = renderMail("run_failed", {
      ...FACTS,
      error_message: "The GPU job ran out of time.",
    });
    expect(text).toContain("What went wrong: The GPU job ran out of time.");
    expect(text).not.toContain("Score");
  });

  test("baseline and simulated results are labelled in both parts", () => {
    const { text, html } = renderMail("run_completed", {
      ...FACTS,
      rests_on: [
        { title: "Baseline model", text: "Not STACK.", caution: true },
        { title: "Simulated data", text: "Not cells.", caution: true },
      ],
    });
    for (const part of [text, html]) {
      expect(part).toContain("BASELINE MODEL: Not STACK.");
      expect(part).toContain("SIMULATED DATA: Not cells.");
    }
  });

  test("long questions are cut after 200 characters, never inside one", () => {
    const { text } = renderMail("run_completed", { ...FACTS, query: "🧬".repeat(250) });
    expect(text).toContain(`Question: ${"🧬".repeat(200)}…\n`);
    expect(renderMail("run_completed", { ...FACTS, query: "q".repeat(200) }).text).toContain(
      `Question: ${"q".repeat(200)}\n`,
    );
  });

  test("what a reader sees as one character is not cut, and cannot be endless", () => {
    const family = "👨‍👩‍👧‍👦";
    expect(
      renderMail("run_completed", { ...FACTS, query: `${"q".repeat(197)}${family} and more` }).text,
    ).toContain(`Question: ${"q".repeat(197)}…\n`);
    const stacked = renderMail("run_completed", {
      ...FACTS,
      query: `e${"\u0301".repeat(10_000)}`,
    }).text;
    expect(stacked.length).toBeLessThan(1_000);
  });

  test("a link that is not of the web is left out", () => {
    const { text, html } = renderMail("run_completed", { ...FACTS, link: "javascript:alert(1)" });
    expect(text + html).not.toContain("javascript:");
  });

  test("for any text: one-line subject, nothing but our elements, both parts say the same", () => {
    const anyText = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\r\nBcc: x@example.org",
        "<script>alert(1)</script>",
        "a\n\nb",
        '"><img src=x>',
        "</p></div>",
      ),
    );
    fc.assert(
      fc.property(
        anyText,
        anyText,
        fc.constantFrom("run_completed" as const, "run_failed" as const, "run_cancelled" as const),
        (query, error_message, kind) => {
          const mail = renderMail(kind, { ...FACTS, query, error_message });
          expect(mail.subject).not.toMatch(/[\r\n]/);
          const elements = new Set(
            [...mail.html.matchAll(/<\/?([a-z]+)/gi)].map((match) => match[1]),
          );
          expect(
            [...elements].filter(
              (element) =>
                !["html", "head", "meta", "title", "body", "div", "p", "span", "a"].includes(
                  element ?? "",
                ),
            ),
          ).toEqual([]);
          expect(visibleLines(mail.html)).toEqual(
            mail.text.split("\n").filter((line) => line !== ""),
          );
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });
});
