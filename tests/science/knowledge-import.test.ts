import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addKnowledgeCommands } from "../../cli/commands/knowledge.ts";
import { importKnowledge, readImports } from "../../science/knowledge/import-folder.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { ontologyDistance } from "../../science/knowledge/ontology.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { enrichment } from "../../science/statistics/enrichment.ts";
import { atlasIndex } from "./query-atlas.ts";

const OBO = `format-version: 1.2
ontology: cl

[Term]
id: CL:0000000
name: cell

[Term]
id: CL:0000540
name: neuron
synonym: "nerve cell" EXACT []
synonym: "the \\"grey\\" cell" EXACT [PMID:1]
is_a: CL:0000000 ! cell

[Term]
id: CL:0999998
name: held-out neuron
def: "A neuron with a pyramidal soma." [PMID:1]
synonym: "projection neuron" RELATED []
synonym: "Betz-like cell" EXACT OMO:0003000 {x="y"} []
is_a: CL:0000540 {is_inferred="true"} ! neuron
is_a: UBERON:0000001 ! elsewhere

[Term]
id: CL:0009999
name: old cell
is_obsolete: true

[Term]
id: UBERON:0000001
name: elsewhere

[Typedef]
id: part_of
name: part of
`;
const GMT =
  "MY_SET\thttps://example.org/my\tISG15\tIFIT1\tMX1\tOAS1\tifi6,1.0\nTINY\tna\tA1BG\tA2M\n\nHALLMARK_HYPOXIA\tna\tVEGFA\tCA9\tLDHA\tPGK1\tENO1\r\n";

describe("knowledge import", () => {
  let dir: string;
  let folder: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "haystack-knowledge-"));
    folder = join(dir, "data", "knowledge");
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  async function take(name: string, content: string | Uint8Array, as?: string) {
    const file = join(dir, name);
    await writeFile(file, content);
    return importKnowledge({ file, folder, ...(as === undefined ? {} : { name: as }) });
  }

  test("takes cell types of an ontology with exact synonyms and parents", async () => {
    const { cell_types } = await take("cl.obo", OBO);
    expect(cell_types.map(({ id, synonyms, parents }) => [id, synonyms, parents])).toEqual([
      ["CL:0000000", [], []],
      ["CL:0000540", ["nerve cell", 'the "grey" cell'], ["CL:0000000"]],
      ["CL:0999998", ["Betz-like cell"], ["CL:0000540"]],
    ]);
    expect(readImports(folder).map(({ name, source_file }) => [name, source_file])).toEqual([
      ["cl", "cl.obo"],
    ]);
  });

  test("imported cell types are asked about, and lie in the one ontology", async () => {
    await take("cl.obo", OBO);
    const knowledge = loadKnowledge(folder);
    expect(ontologyDistance(knowledge, "CL:0999998", "CL:0000540")).toBe(1);
    const atlas = atlasIndex({ cellTypes: ["held-out neuron"], perturbations: ["TNF"] });
    expect(
      understandQuestion("How do Betz-like cells respond to TNF?", [atlas], knowledge).cell_type,
    ).toStrictEqual({
      name: "held-out neuron",
      cell_ontology_id: "CL:0999998",
      synonyms: expect.any(Array) as string[],
      matched_text: "Betz-like cells",
      match: "synonym",
      atlas_labels: ["held-out neuron"],
    });
    expect(() => understandQuestion("How do Betz-like cells respond to TNF?", [atlas])).toThrow(
      expect.objectContaining({ code: "CELL_TYPE_UNKNOWN" }),
    );
    const neuron = (of: typeof knowledge) => of.cellTypes.find(({ id }) => id === "CL:0000540");
    expect(neuron(knowledge)?.synonyms).toContain('the "grey" cell');
    expect(neuron(knowledge)?.markers).toEqual(neuron(loadKnowledge())?.markers);
  });

  test("gene sets are tested for enrichment beside the built-in ones", async () => {
    const imported = await take("my.gmt", GMT);
    expect(imported.warnings).toEqual(["1 gene sets have fewer than 5 genes and were left out."]);
    const { pathways } = loadKnowledge(folder);
    expect(pathways.length).toBe(loadKnowledge().pathways.length + 2);
    expect(pathways.slice(-2)).toEqual([
      {
        id: "MY_SET",
        name: "MY SET",
        genes: ["ISG15", "IFIT1", "MX1", "OAS1", "IFI6"],
        source: "my.gmt: https://example.org/my",
      },
      {
        id: "my:HALLMARK_HYPOXIA",
        name: "HALLMARK HYPOXIA",
        genes: ["VEGFA", "CA9", "LDHA", "PGK1", "ENO1"],
        source: "my.gmt: HALLMARK_HYPOXIA",
      },
    ]);
    const genes = [...pathways.at(-2)!.genes, ...Array.from({ length: 50 }, (_, i) => `G${i}`)];
    const flat = {
      genes,
      log2_fold_change: new Float64Array(55).fill(1),
      p_value: new Float64Array(55),
      p_adjusted: new Float64Array(55),
      is_de: Uint8Array.from(genes, (_, i) => (i < 5 ? 1 : 0)),
    };
    expect(enrichment(flat, pathways)[0]).toMatchObject({
      id: "MY_SET",
      overlap: 5,
      direction: "up",
    });
  });

  test("an import of the same name replaces the former at once, and leaves nothing else behind", async () => {
    await take("my.gmt", GMT);
    expect(loadKnowledge(folder).pathways.some(({ id }) => id === "MY_SET")).toBe(true);
    await take("other.gmt", GMT.replace("MY_SET", "NEW_SET"), "my");
    const ids = loadKnowledge(folder).pathways.map(({ id }) => id);
    expect([ids.includes("MY_SET"), ids.includes("NEW_SET")]).toEqual([false, true]);
    expect(await readdir(folder)).toEqual(["my.json"]);
  });

  test("without a folder, or with an empty one, the built-in knowledge stands", () => {
    expect(loadKnowledge(folder)).toBe(loadKnowledge());
  });

  test.each<[string, string, string | Uint8Array, RegExp]>([
    ["another format", "a.csv", "a,b", /neither an \.obo nor a \.gmt/],
    ["no header", "a.obo", "[Term]\nid: CL:0000000\n", /no format-version/],
    [
      "no cell types",
      "a.obo",
      "format-version: 1.2\n\n[Term]\nid: GO:0000001\nname: x\n",
      /no term with a Cell Ontology id/,
    ],
    [
      "cut off",
      "a.obo",
      OBO.replace(/\[Term\]\nid: CL:0000540[\s\S]*?\n\n/, ""),
      /CL:0999998.*kind of CL:0000540/,
    ],
    ["a broken line", "a.obo", OBO.replace("name: neuron", "neuron"), /Line 10/],
    ["a nameless term", "a.obo", OBO.replace("name: held-out neuron\n", ""), /CL:0999998.*no name/],
    [
      "a doubled term",
      "a.obo",
      OBO.replace("id: CL:0999998", "id: CL:0000540"),
      /CL:0000540 twice/,
    ],
    ["spaces for tabs", "a.gmt", "SET desc A B C D E", /Line 1/],
    [
      "a sentence for a gene",
      "a.gmt",
      "SET\tdesc\tISG15\tthis is no gene\tMX1",
      /this is no gene/i,
    ],
    ["a doubled set", "a.gmt", GMT + GMT, /repeats th/],
    ["only tiny sets", "a.gmt", "SET\tdesc\tISG15\n", /no gene set of 5/],
    ["an empty file", "a.gmt", "", /no gene set/],
    ["compressed bytes", "a.gmt", Uint8Array.from([31, 139, 8, 0, 255]), /UTF-8/],
  ])("%s is refused in one sentence and leaves nothing", async (_, name, content, message) => {
    await expect(take(name, content)).rejects.toMatchObject({
      code: "KNOWLEDGE_INVALID",
      message: expect.stringMatching(message),
    });
    expect(readImports(folder)).toEqual([]);
  });

  test("a missing file, a bad name and a damaged import are told", async () => {
    expect(() => importKnowledge({ file: join(dir, "none.gmt"), folder })).toThrow(
      expect.objectContaining({ code: "FILE_NOT_FOUND" }),
    );
    await expect(take("my.gmt", GMT, "../evil")).rejects.toMatchObject({
      code: "KNOWLEDGE_INVALID",
    });
    await take("my.gmt", GMT);
    await writeFile(join(folder, "my.json"), '{"format":');
    expect(() => loadKnowledge(folder)).toThrow(expect.objectContaining({ code: "FILE_DAMAGED" }));
  });

  test("the command line imports into the data folder and lists it", async () => {
    const file = join(dir, "my.gmt");
    await writeFile(file, GMT);
    const program = new Command();
    addKnowledgeCommands(program);
    for (const command of program.commands[0]?.commands ?? [])
      command.option("--json").option("--data-dir <folder>");
    await program.parseAsync(
      ["knowledge", "import", file, "--name", "mine", "--data-dir", join(dir, "data")],
      { from: "user" },
    );
    await program.parseAsync(["knowledge", "list", "--data-dir", join(dir, "data")], {
      from: "user",
    });
    expect(readImports(folder).map(({ name }) => name)).toEqual(["mine"]);
  });
});
