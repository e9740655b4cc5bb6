import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import { labelResolver } from "../science/knowledge/resolve.ts";
import { labelKey } from "../science/knowledge/tokens.ts";
import { VOCABULARIES, vocabulary as vocabularyOf } from "../science/knowledge/vocabularies.ts";
import { understandQuestion } from "../science/query/understand.ts";
import { atlasIndex } from "../tests/science/query-atlas.ts";
import { scoreTitles } from "./titles-score.ts";
import { noiseNames } from "./words-noise.ts";
import { judgeCell, judgeGiven, judgeLine, read, VERDICTS } from "./words-judge.ts";
import type { Verdict } from "./words-judge.ts";

/**
 * Whether other people's names are read as what they mean: vocabularies given by the path of their
 * folder, and noise that names nothing of the knowledge. `--wrong` lists each wrong reading,
 * `--refused` what was not read. Fails when more than 0.5% of a vocabulary or of the noise is read
 * wrongly, counting a broader type that is not said.
 */

const itemsOf = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item) });
const folder = resolve(
  process.argv.slice(2).find((argument) => !argument.startsWith("-")) ??
    "../shared/cases/vocabularies",
);
const vocabulary = <Item extends z.ZodType>(name: string, item: Item): z.infer<Item>[] =>
  itemsOf(item).parse(JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"))).items;

const knowledge = loadKnowledge();
const { geneSymbol } = labelResolver(knowledge);
const lineage = new Map(
  knowledge.cellTypes.flatMap(({ id, synonyms, cell_lines }) =>
    [...synonyms, ...cell_lines].map((line) => [labelKey(line), id] as const),
  ),
);
const monocytes = atlasIndex({ cellTypes: ["CD14+ Monocytes"], perturbations: ["IFN-beta"] });

interface Judged {
  readonly name: string;
  readonly verdict: Verdict;
  readonly read_as: string;
}

function cellsOf(item: { name: string; id: string; ancestors: string[] }): Judged {
  const atlas = atlasIndex({
    cellTypes: [item.id, ...item.ancestors],
    perturbations: ["IFN-beta"],
  });
  const reading = read(`How would ${item.name} respond to IFN-beta?`, atlas);
  return {
    name: item.name,
    verdict: judgeCell(reading, item),
    read_as: reading?.cell.name ?? "",
  };
}

function lineOf(name: string, atlas: AtlasIndex): Judged {
  const reading = read(`How would ${name} cells respond to IFN-beta?`, atlas);
  return { name, verdict: judgeLine(reading, name, lineage), read_as: reading?.cell.name ?? "" };
}

function givenOf(names: readonly string[], id: string | null): Judged {
  const [name = ""] = names;
  const reading = read(`How would CD14+ monocytes respond to ${name}?`, monocytes);
  return {
    name,
    verdict: judgeGiven(reading, { names, id }),
    read_as: reading?.given?.name ?? "",
  };
}

function geneOf(name: string): Judged {
  const reading = read(`How would CD14+ monocytes respond to ${name} knockout?`, monocytes);
  const gene = reading?.given?.gene;
  const right = gene !== undefined && gene === (geneSymbol(name) ?? name);
  return {
    name,
    verdict: reading === null ? "refused" : right ? "right" : "wrong",
    read_as: gene ?? "",
  };
}

/** Text that asks nothing: an answer to it is a wrong one. */
function statementOf(text: string): Judged {
  try {
    const { cell_type, perturbation } = understandQuestion(text, [monocytes]);
    return { name: text, verdict: "wrong", read_as: `${cell_type.name}, ${perturbation.name}` };
  } catch {
    return { name: text, verdict: "refused", read_as: "" };
  }
}

/** "AC480 (BMS-599626)" is known by both names. */
const namesIn = (name: string): string[] => {
  const [, before, within, behind = ""] = /^(.+?)\s*\(([^()]+)\)\s*(.*)$/.exec(name) ?? [];
  return before === undefined
    ? [name]
    : [name, before, `${before} ${behind}`, ...(within?.split(/,\s*/) ?? [])];
};

const named = z.object({ name: z.string(), id: z.string().nullable() });
const lines = vocabulary("lines", z.object({ name: z.string() })).map(({ name }) => name);
const noise = noiseNames();
const judged: Record<string, Judged[]> = {
  cellxgene_cells: vocabulary(
    "cellxgene_cells",
    z.object({ name: z.string(), id: z.string(), ancestors: z.array(z.string()) }),
  ).map(cellsOf),
  lines_in_atlas: lines.map((name) =>
    lineOf(
      name,
      atlasIndex({
        cellTypes: [name, "CD14+ Monocytes", "T cells", "pulmonary alveolar type 2 cell"],
        perturbations: ["IFN-beta"],
      }),
    ),
  ),
  lines_elsewhere: lines.map((name) => lineOf(name, monocytes)),
  genes: vocabulary("genes", z.string()).map(geneOf),
  parse90: vocabulary("parse90", named).map(({ name, id }) => givenOf([name], id)),
  sciplex: vocabulary("sciplex", named.extend({ short: z.string() })).map(({ name, id }) =>
    givenOf(namesIn(name), id),
  ),
  noise_drugs: noise.drugs.map((name) => givenOf([name], null)),
  noise_lines: noise.lines.map((name) => lineOf(name, monocytes)),
  noise_codes: noise.codes.map((name) => givenOf([name], null)),
  noise_definitions: noise.definitions.map(statementOf),
};

/** CPU time once everything is loaded, as other programs lengthen the wall time: each name again. */
function checkTimes() {
  const asked = Object.values(judged).flatMap((items) => items.map(({ name }) => name));
  const times = asked
    .map((name) => {
      const began = process.cpuUsage();
      read(`How would ${name} respond to IFN-beta?`, monocytes);
      const { user, system } = process.cpuUsage(began);
      return (user + system) / 1_000;
    })
    .toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Number((times[Math.floor(share * (times.length - 1))] ?? Number.NaN).toFixed(2));
  return {
    check_cpu_ms: { median: at(0.5), p95: at(0.95), p99: at(0.99), longest: at(1) },
    lists_mb: Number(
      (VOCABULARIES.reduce((sum, list) => sum + vocabularyOf(list).bytes, 0) / 1e6).toFixed(1),
    ),
    resident_mb: Math.round(process.memoryUsage().rss / 1e6),
  };
}

const results = Object.fromEntries(
  Object.entries(judged).map(([name, items]) => [
    name,
    {
      names: items.length,
      ...Object.fromEntries(
        VERDICTS.map((verdict) => [
          verdict,
          items.filter((item) => item.verdict === verdict).length,
        ]),
      ),
      wrong_percent: Number(
        (
          (100 *
            items.filter(({ verdict }) => verdict === "wrong" || verdict === "broader_silent")
              .length) /
          items.length
        ).toFixed(2),
      ),
    },
  ]),
);
const { failures, ...titles } = scoreTitles();
const { failures: failuresOfSecond, ...titles_second } = scoreTitles("titles-second");
const cost = checkTimes();
if (process.argv.includes("--json"))
  console.log(
    JSON.stringify(
      { benchmark: "words", node: process.version, cost, titles, titles_second, results },
      null,
      1,
    ),
  );
else {
  console.table(results);
  console.log(JSON.stringify({ titles, titles_second }));
  console.log(JSON.stringify(cost));
}
const MOST_WRONG_PERCENT = 0.5;
if (Object.values(results).some((figures) => figures.wrong_percent > MOST_WRONG_PERCENT))
  process.exitCode = 1;
if (process.argv.includes("--wrong"))
  for (const { question, verdict, read_as } of [...failures, ...failuresOfSecond])
    console.log(`titles: ${verdict}: ${question} read as ${read_as}`);
if (process.argv.includes("--wrong"))
  for (const [name, items] of Object.entries(judged))
    for (const item of items)
      if (item.verdict === "wrong" || item.verdict === "broader_silent")
        console.log(`${name}: ${item.name.slice(0, 80)} read as ${item.read_as}`);
if (process.argv.includes("--refused"))
  for (const [name, items] of Object.entries(judged))
    for (const item of items)
      if (item.verdict === "refused" && !name.startsWith("noise"))
        console.log(`${name}: ${item.name} refused (${item.read_as})`);
