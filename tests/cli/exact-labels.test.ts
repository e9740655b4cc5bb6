import { expect, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { haystack } from "../support/command-line.ts";
import { simulatedAtlas } from "../support/daemon-process.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const SMALL = ["--control-strategy", "query_as_control", "--max-iterations", "1"];

async function place() {
  const dataDir = await temporaryFolder();
  await simulatedAtlas(dataDir);
  return (...args: string[]) =>
    haystack([...args, "--data-dir", dataDir], { env: { COMPUTE_PROCESSES: "1" } });
}

test("a run by the labels of the atlas reads no question, whatever the question says", async () => {
  const run = await place();
  const labels = ["--cell-type", "CD14-positive monocyte", "--perturbation", "Interferon beta"];
  for (const question of [[], ["What is the weather?"]]) {
    const { code, stdout } = await run("run", ...question, ...labels, ...SMALL, "--json");
    const { query, structured_query } = JSON.parse(stdout) as RunDocument;
    expect([code, query, structured_query?.understood_by]).toEqual([
      0,
      question[0] ?? "How would CD14-positive monocyte respond to Interferon beta?",
      "labels",
    ]);
    expect(structured_query?.cell_type.atlas_labels).toEqual(["CD14-positive monocyte"]);
    expect(structured_query?.perturbation).toMatchObject({
      id: "ifn-beta",
      match: "atlas_label",
      atlas_labels: ["Interferon beta"],
    });
  }
}, 300_000);

test.each([
  [["--cell-type", "CD14-positive monocyte"], "go together"],
  [["--perturbation", "Interferon beta", "How would B cells respond?"], "go together"],
  [[], "There is no question"],
])(
  "submit with %j is refused in one sentence",
  async (args, words) => {
    const { code, stderr } = await haystack(["submit", ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  },
  300_000,
);
