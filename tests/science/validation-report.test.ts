import { expect, test } from "vitest";
import {
  renderValidationReport,
  type ValidationPage,
} from "../../science/report/validation-report.ts";

const TARGET = {
  name: "B cells, IFN-beta",
  pearson: 0.8,
  others: 0.7,
  best: 0.75,
  ceiling: 0.95,
  expected: { pearson: 0.78, low: 0.6, high: 0.9 },
  points: [
    { gene: "ISG15", predicted: 2, measured: 2.5 },
    { gene: "CCL8", predicted: -0.4, measured: 0.1 },
  ],
};
const PAGE: ValidationPage = {
  dataset: "kang",
  seed: 7,
  withheld: "cell type",
  targets: [TARGET, { ...TARGET, name: "T cells <b>&", expected: null }],
  notJudged: [{ name: "NK cells, IFN-beta", reason: "It has 3 perturbed cells." }],
  table: { heading: ["cell type", "pearson"], rows: [["B cells", "0.800"]] },
  meanings: [{ heading: "pearson", meaning: "correlation" }],
  vcc2026: [
    {
      metric: "significant-set Jaccard",
      meaning: "shared ones",
      figures: ["0.400", "0.2", "0.1", "0.35"],
    },
  ],
};

const charts = (html: string): number => (html.match(/class="chart"/g) ?? []).length;

test("a validation is drawn: bars, calibration, and the genes of each target", async () => {
  const html = await renderValidationReport(PAGE);
  expect(charts(html)).toBe(4);
  expect(html).toContain("held by 1 of 1 interval.");
  expect(html).toContain("B cells, IFN-beta 0.80");
  expect(html).toContain("It has 3 perturbed cells.");
  expect(html).toContain('<th scope="row">B cells</th><td class="num">0.800</td>');
  expect(html).toContain('significant-set Jaccard</th><td class="num">0.400</td>');
});

test("the same input gives the same bytes, and names of cells are text", async () => {
  const html = await renderValidationReport(PAGE);
  expect(await renderValidationReport(PAGE)).toBe(html);
  expect(html).toContain("T cells &lt;b&gt;&amp;");
  expect(html).not.toContain("<b>&");
  expect(html).not.toMatch(/<script|NaN|undefined/);
});

test("without a judged target or a known expectation nothing is drawn of them", async () => {
  const none = await renderValidationReport({ ...PAGE, targets: [], vcc2026: [] });
  expect(charts(none)).toBe(0);
  expect(none).not.toContain("vcc2026 suite");
  expect(charts(await renderValidationReport({ ...PAGE, targets: PAGE.targets.slice(1) }))).toBe(2);
});

test("of many targets the first are drawn gene by gene, and the rest counted", async () => {
  const many = Array.from({ length: 30 }, (_, at) => ({ ...TARGET, name: `type ${at}` }));
  const html = await renderValidationReport({ ...PAGE, targets: many });
  expect(charts(html)).toBe(26);
  expect(html).toContain("6 further targets not drawn.");
});
