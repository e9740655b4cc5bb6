import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../config.ts";
import type { GeneFacts } from "../../services/look-ups/index.ts";
import { uniprotLookUps, type UniprotOptions } from "../../services/look-ups/uniprot.ts";
import { startGeneDatabases, type GeneDatabases } from "../support/gene-databases-server.ts";

const REACTOME = [{ id: "R-HSA-1169408", name: "ISG15 antiviral mechanism" }];
const KEGG = [
  { id: "hsa04622", name: "RIG-I-like receptor signaling pathway" },
  { id: "hsa05165", name: "Human papillomavirus infection" },
];
const PROTEIN = {
  symbol: "ISG15",
  protein: "Ubiquitin-like protein ISG15",
  accession: "P05161",
  function: "Ubiquitin-like protein.",
};

describe("genes in public databases", () => {
  let folder: string;
  let databases: GeneDatabases;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "haystack-look-ups-"));
    databases = await startGeneDatabases();
  });
  afterEach(async () => {
    await databases.close();
    await rm(folder, { recursive: true, force: true });
  });

  type Name = "reactome" | "kegg";
  const lookUps = (...names: readonly Name[]) => open(names);
  const open = (names: readonly Name[], more: Partial<UniprotOptions> = {}) => {
    const addresses: Pick<UniprotOptions, "reactomeUrl" | "keggUrl"> = Object.fromEntries(
      names.map((name) => [`${name}Url`, `${databases.baseUrl}/${name}`]),
    );
    return uniprotLookUps({
      uniprotUrl: `${databases.baseUrl}/uniprot`,
      ...addresses,
      ...more,
      cacheFolder: folder,
      cacheMs: 1_000,
      timeoutMs: 60_000,
      now: () => 0,
      guard: { requestsPerSecond: 1_000, attempts: 1, firstBackoffMs: 1 },
    });
  };
  const found = (pathways: GeneFacts["pathways"], source: string) => ({
    status: "found",
    facts: { ...PROTEIN, pathways, source },
  });

  test("gives protein, function and pathways with their source, and asks once", async () => {
    const answer = found(REACTOME, "UniProt P05161, Reactome");
    expect(await lookUps("reactome").gene("ISG15")).toEqual(answer);
    expect(databases.asked).toEqual([
      "/uniprot/uniprotkb/search",
      "/reactome/data/mapping/UniProt/P05161/pathways",
    ]);
    expect(await lookUps("reactome").gene("ISG15")).toEqual(answer);
    expect(databases.asked).toHaveLength(2);
    expect(await lookUps().gene("ISG15")).toEqual(found([], "UniProt P05161"));
  });

  test("a cache that cannot be written costs no answer, and is told of once until it can", async () => {
    await rm(folder, { recursive: true });
    await writeFile(folder, "no folder");
    const told: string[] = [];
    const telling = open(["reactome", "kegg"], { onTrouble: ({ message }) => told.push(message) });
    const answer = found([...REACTOME, ...KEGG], "UniProt P05161, Reactome, KEGG");
    expect(await telling.gene("ISG15")).toEqual(answer);
    expect(await telling.gene("ISG15")).toEqual(answer);
    expect(told).toEqual([
      `Answers of databases cannot be kept in ${folder}: a part of its path is a file; they are asked for anew each time until that is put right.`,
    ]);
    await rm(folder);
    expect(await telling.gene("ISG15")).toEqual(answer);
    const { length } = databases.asked;
    expect(await telling.gene("ISG15")).toEqual(answer);
    expect([databases.asked.length, told.length]).toEqual([length, 1]);
  });

  test("adds the pathways of KEGG by the gene's own symbol, and asks once", async () => {
    const answer = found([...REACTOME, ...KEGG], "UniProt P05161, Reactome, KEGG");
    expect(await lookUps("reactome", "kegg").gene("ISG15")).toEqual(answer);
    const ofKegg = databases.asked.filter((path) => path.startsWith("/kegg/"));
    expect(ofKegg).toEqual([
      "/kegg/find/hsa/ISG15",
      "/kegg/link/pathway/hsa:9636",
      "/kegg/list/pathway/hsa",
    ]);
    const { length } = databases.asked;
    expect(await lookUps("reactome", "kegg").gene("ISG15")).toEqual(answer);
    expect(databases.asked).toHaveLength(length);
    expect(await lookUps("kegg").gene("ISG15")).toEqual(found(KEGG, "UniProt P05161, KEGG"));
  });

  test("a gene that KEGG does not know has nothing of KEGG; one in no pathway has its name", async () => {
    databases.kegg.set("find/hsa/ISG15", "hsa:11274\tUSP18, ISG15; ubiquitin specific peptidase\n");
    expect(await lookUps("kegg").gene("ISG15")).toEqual(found([], "UniProt P05161"));
    await rm(folder, { recursive: true });
    databases.kegg
      .set("find/hsa/ISG15", "hsa:9636\tISG15; ISG15 ubiquitin like modifier\n")
      .delete("link/pathway/hsa:9636");
    expect(await lookUps("kegg").gene("ISG15")).toEqual(found([], "UniProt P05161, KEGG"));
  });

  test("malformed lines are passed over", async () => {
    databases.kegg.set(
      "find/hsa/ISG15",
      "hsa:9636 ISG15\n\thsa:1\nhsa:x\tISG15; none\nhsa:9636\tISG15\n",
    );
    databases.kegg.set(
      "link/pathway/hsa:9636",
      "hsa:9636\nhsa:9636\tpath:map04622\nhsa:7099\tpath:hsa04620\nhsa:9636\tpath:hsa04622\nhsa:9636\tpath:hsa99999\n",
    );
    expect(await lookUps("kegg").gene("ISG15")).toEqual(
      found([...KEGG.slice(0, 1), { id: "hsa99999", name: "hsa99999" }], "UniProt P05161, KEGG"),
    );
  });

  test("a page in place of KEGG's lines is no answer, and is not kept", async () => {
    databases.kegg.set("list/pathway/hsa", "<html>\n<body>Access denied</body>\n</html>\n");
    expect(await lookUps("kegg").gene("ISG15")).toEqual(found([], "UniProt P05161"));
    databases.kegg.set(
      "list/pathway/hsa",
      "path:hsa04622\tRIG-I-like receptor signaling pathway\npath:hsa05165\tHuman papillomavirus infection\n",
    );
    expect(await lookUps("kegg").gene("ISG15")).toEqual(found(KEGG, "UniProt P05161, KEGG"));
  });

  test("a database of pathways that fails leaves what the others say", async () => {
    databases.down.add("kegg");
    expect(await lookUps("reactome", "kegg").gene("ISG15")).toEqual(
      found(REACTOME, "UniProt P05161, Reactome"),
    );
    databases.down.delete("kegg");
    databases.down.add("reactome");
    await rm(folder, { recursive: true });
    expect(await lookUps("reactome", "kegg").gene("ISG15")).toEqual(
      found(KEGG, "UniProt P05161, KEGG"),
    );
  });

  test("a gene that is none is unknown; what is no symbol is not sent", async () => {
    expect(await lookUps("reactome", "kegg").gene("NOGENE")).toEqual({ status: "unknown" });
    expect(await lookUps("reactome", "kegg").gene("ISG15) OR (organism_id:10090")).toEqual({
      status: "unknown",
    });
    expect(databases.asked).toEqual(["/uniprot/uniprotkb/search"]);
  });

  test("trouble is an answer", async () => {
    databases.down.add("uniprot");
    expect(await lookUps("kegg").gene("ISG15")).toEqual({
      status: "unavailable",
      reason: "The gene could not be looked up: UniProt answered with HTTP status 500.",
    });
  });
});

test.each(["", "uniprot", "uniprot,kegg", "kegg,reactome,uniprot"])(
  "LOOKUPS=%s is accepted",
  (LOOKUPS) => {
    expect(loadConfig({ LOOKUPS })).toMatchObject({ LOOKUPS });
  },
);

test.each(["kegg", "reactome,kegg", "uniprot,ensembl", "UniProt"])(
  "LOOKUPS=%s is refused",
  (LOOKUPS) => {
    expect(() => loadConfig({ LOOKUPS })).toThrow(
      "LOOKUPS (must be empty or uniprot, optionally followed by reactome and kegg, such as uniprot,reactome,kegg)",
    );
  },
);
