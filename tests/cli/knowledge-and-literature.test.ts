import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runDocumentSchema } from "../../services/runs/document.ts";
import { haystack } from "../support/command-line.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startPubmed } from "../support/pubmed-server.ts";

const TYPE_I = [
  "ISG15",
  "IFIT1",
  "IFIT2",
  "IFIT3",
  "MX1",
  "ISG20",
  "IFI6",
  "OAS1",
  "IFITM3",
  "LY6E",
];

describeWithData("knowledge and literature of one's own", () => {
  test("an imported gene set is among the enriched pathways of a run, and articles enter its score and its report", async () => {
    const folder = await temporaryFolder();
    const gmt = join(folder, "ours.gmt");
    await writeFile(gmt, `OUR_INTERFERON_SET\thttps://example.org/set\t${TYPE_I.join("\t")}\n`);
    const pubmed = await startPubmed([
      {
        id: "424242",
        title: "Interferon-beta induces ISG15",
        about: ["IFN-beta", "Interferon beta", "ISG15"],
      },
      {
        id: "434343",
        title: "<i>Interferon</i> suppresses MX1",
        about: ["IFN-beta", "Interferon beta", "MX1"],
      },
    ]);
    try {
      const imported = await haystack(["knowledge", "import", gmt, "--data-dir", folder, "--json"]);
      const ours = {
        name: "ours",
        cell_types: 0,
        gene_sets: 1,
        source_file: "ours.gmt",
        source_sha256: createHash("sha256").update(readFileSync(gmt)).digest("hex"),
        warnings: [],
      };
      expect(JSON.parse(imported.stdout)).toStrictEqual(ours);
      const listed = await haystack(["knowledge", "list", "--data-dir", folder, "--json"]);
      expect(JSON.parse(listed.stdout)).toStrictEqual({
        built_in: {
          cell_types: expect.any(Number) as number,
          perturbations: expect.any(Number) as number,
          gene_sets: expect.any(Number) as number,
        },
        sources: expect.arrayContaining([
          {
            source: "Cell Ontology",
            holds: "cell types: names, exact synonyms, is_a",
            entries: expect.any(Number) as number,
            version: "2026-03-26",
            licence: "CC BY 4.0",
          },
        ]) as unknown[],
        imports: [ours],
      });

      const outcome = await haystack(
        [
          "run",
          "How would CD14+ monocytes respond to IFN-beta?",
          "--atlas",
          KANG,
          "--seed",
          "7",
          "--max-iterations",
          "1",
          "--json",
          "--data-dir",
          folder,
        ],
        {
          env: { LITERATURE: "pubmed", NCBI_BASE_URL: pubmed.baseUrl, NCBI_API_KEY: "secret-key" },
        },
      );
      expect([outcome.code, outcome.stderr]).toEqual([0, expect.not.stringMatching(/haystack: /)]);
      const document = runDocumentSchema.parse(JSON.parse(outcome.stdout));
      expect(document.iterations[0]?.component_scores["literature_support"]).toBeGreaterThanOrEqual(
        1,
      );
      const log = readFileSync(document.output_log_path ?? "", "utf8");
      const { iterations } = JSON.parse(log) as {
        iterations: {
          enriched: { id: string; direction: string; p_adjusted: number }[];
          grounding: {
            evidence: { statement: string; supports: boolean; silent?: true; source: string }[];
          };
        }[];
      };
      expect(iterations[0]?.enriched.find(({ id }) => id === "OUR_INTERFERON_SET")).toMatchObject({
        direction: "up",
      });
      const rows = iterations[0]?.grounding.evidence ?? [];
      expect(rows.find(({ source }) => source === "PMID:424242")).toMatchObject({ supports: true });
      expect(rows.find(({ source }) => source === "PMID:434343")).toMatchObject({
        supports: false,
      });
      const report = readFileSync(document.output_report_path ?? "", "utf8");
      expect(report).toContain(
        '<a href="https://pubmed.ncbi.nlm.nih.gov/424242/" target="_blank" rel="noopener noreferrer">PMID:424242</a>',
      );
      expect(report).toContain("OUR_INTERFERON_SET");
      expect(log + report + outcome.stderr).not.toContain("secret-key");
    } finally {
      await pubmed.close();
    }
  });
});
