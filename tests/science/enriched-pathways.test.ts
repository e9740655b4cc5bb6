import { expect, test } from "vitest";
import { differential, ENRICHED, runResult, reportHtml } from "./report-fixtures.ts";

test("lists the gene sets that stand for themselves, each with its page, and says what it leaves out", async () => {
  const [first, second] = ENRICHED;
  const result = runResult({
    iterations: runResult().iterations.map((iteration) => ({
      ...iteration,
      gene_sets_tested: 1807,
      enriched: [
        first!,
        { ...first!, id: "GO:0009615", name: "Response to virus", alike: first!.id },
        { ...first!, id: "MY_SET", name: "Own set", p_adjusted: 0.0001 },
        second!,
      ],
    })),
  });
  const html = await reportHtml(result, differential());
  expect(html).toContain(
    '<a href="https://reactome.org/content/detail/R-HSA-909733" rel="noopener noreferrer">R-HSA-909733</a>',
  );
  expect(html).toContain("and 1 alike");
  expect(html).toContain('<span class="soft id">MY_SET</span>');
  expect(html).not.toContain("Response to virus");
  expect(html).toMatch(/1,807 gene sets with 10 measured genes or more and 500 at most/);
  expect(html).toContain("4 results have an adjusted p below 0.05");
  expect(html).toContain("1 of them holds mostly the same changed genes");
  expect(html).not.toContain("as those of mice");
});

test("says that genes named as in mice count as the human ones", async () => {
  const de = differential();
  const mouse = de.genes.map((gene) => gene.slice(0, 1) + gene.slice(1).toLowerCase());
  expect(await reportHtml(runResult(), { ...de, genes: mouse })).toContain("as those of mice");
});
