import { HaystackError } from "../../errors.ts";
import type { PathwayEntry } from "./knowledge.ts";

const LEAST_GENES = 5;
const GENE = /^[\p{L}\p{N}][\p{L}\p{N}@._:-]{0,49}$/u;

/**
 * The gene sets of a GMT file: a line has a name, a description and genes, separated by tabs. Genes
 * are kept in upper case, once each; sets of fewer than 5 genes are left out and counted. Throws
 * KNOWLEDGE_INVALID, naming the line.
 */
export function parseGmt(
  text: string,
  source: string,
): { readonly sets: PathwayEntry[]; readonly tooSmall: number } {
  const invalid = (line: number, problem: string): HaystackError =>
    new HaystackError(
      "KNOWLEDGE_INVALID",
      `Line ${line} of ${source} ${problem}; correct the line to name, description and genes, separated by tabs.`,
    );
  const sets = new Map<string, PathwayEntry>();
  let tooSmall = 0;
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === "") return;
    const [name = "", description = "", ...cells] = line.split("\t").map((cell) => cell.trim());
    const given = cells.filter((cell) => cell !== "");
    if (name === "" || given.length === 0) throw invalid(i + 1, "has no name or no genes");
    // Some tools write weights after a comma: "STAT1,1.0".
    const genes = [...new Set(given.map((cell) => (cell.split(",", 1)[0] ?? "").toUpperCase()))];
    const bad = genes.find((gene) => !GENE.test(gene));
    if (bad !== undefined)
      throw invalid(i + 1, `has "${bad.slice(0, 30)}", which is not a gene symbol`);
    if (sets.has(name)) throw invalid(i + 1, `repeats the set ${name.slice(0, 60)}`);
    if (genes.length < LEAST_GENES) tooSmall += 1;
    else
      sets.set(name, {
        id: name,
        name: readable(name),
        genes,
        source: isTelling(description) ? `${source}: ${description}` : `${source}: ${name}`,
      });
  });
  if (sets.size === 0)
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `${source} has no gene set of ${LEAST_GENES} or more genes; use a GMT file with such sets.`,
    );
  return { sets: [...sets.values()], tooSmall };
}

/** "HALLMARK_IL6_SIGNALING" -> "HALLMARK IL6 SIGNALING" */
function readable(name: string): string {
  return name.replaceAll("_", " ");
}

function isTelling(description: string): boolean {
  return description !== "" && !/^(na|n\/a|none|null|-)$/i.test(description);
}
