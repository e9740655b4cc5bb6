import { HaystackError } from "../../errors.ts";
import type { AnnData, CsrMatrix } from "../anndata/anndata.ts";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { readGroup } from "../atlas/read-group.ts";
import { randomStream } from "../simulate/seeded-random.ts";
import { renumberColumns, stackRows, takeRows } from "./csr-rows.ts";
import { balanceDraws, drawFromGroup, drawnPlaces } from "./representative-draw.ts";
import type { GroupDraw } from "./representative-draw.ts";

export interface DrawRequest {
  readonly parts: readonly { readonly group_id: string; readonly n_cells: number }[];
  readonly atlases: readonly OpenAtlas[];
  readonly seed: number;
  /** obs column with one constant value, by which the inference program splits its input. */
  readonly splitColumn?: string;
}

export const SPLIT_COLUMN = "haystack_split";
const SPLIT_VALUE = "all";

interface Source {
  readonly atlas: OpenAtlas;
  readonly group: CellGroup;
  readonly nCells: number;
}

function locate({ parts, atlases }: DrawRequest): Source[] {
  const byId = new Map(
    atlases.flatMap((atlas) =>
      atlas.index.groups.map((group) => [group.group_id, { atlas, group }] as const),
    ),
  );
  return parts.map(({ group_id: id, n_cells: nCells }) => {
    const found = byId.get(id);
    if (found === undefined)
      throw new HaystackError(
        "NO_PROMPT_CELLS",
        `The cell group ${id} is in none of the open atlases; import its atlas again.`,
      );
    if (nCells > found.group.n_cells) {
      throw new HaystackError(
        "NO_PROMPT_CELLS",
        `The cell group ${id} holds ${found.group.n_cells} cells, so ${nCells} cannot be drawn; ask for fewer.`,
      );
    }
    return { ...found, nCells };
  });
}

/** Genes of the result, and of each data set's genes its column there (-1: left out). */
function shareGenes(atlases: readonly OpenAtlas[]): {
  readonly genes: readonly string[];
  readonly columns: ReadonlyMap<OpenAtlas, Int32Array>;
} {
  const [first, ...others] = atlases;
  if (first === undefined)
    throw new HaystackError(
      "NO_PROMPT_CELLS",
      "No cells were asked for; choose at least one cell group.",
    );
  if (others.length === 0)
    return {
      genes: first.index.genes,
      columns: new Map([[first, Int32Array.from(first.index.genes.keys())]]),
    };
  const elsewhere = others.map(
    ({ index }) => new Set(index.genes.map((gene) => gene.toUpperCase())),
  );
  const shared = first.index.genes.filter((gene) =>
    elsewhere.every((symbols) => symbols.has(gene.toUpperCase())),
  );
  const genes = [
    ...new Map(shared.toReversed().map((gene) => [gene.toUpperCase(), gene])).values(),
  ].toReversed();
  if (genes.length === 0)
    throw new HaystackError(
      "NO_PROMPT_CELLS",
      "The chosen data sets share no gene symbols; import them again with --gene-symbols-column.",
    );
  const position = new Map(genes.map((gene, i) => [gene.toUpperCase(), i]));
  const columnsOf = ({ index }: OpenAtlas): Int32Array => {
    const left = new Map(position);
    return Int32Array.from(index.genes, (gene) => {
      const column = left.get(gene.toUpperCase()) ?? -1;
      left.delete(gene.toUpperCase());
      return column;
    });
  };
  return { genes, columns: new Map(atlases.map((atlas) => [atlas, columnsOf(atlas)])) };
}

/**
 * Draws cells of the named groups without replacement into one AnnData (cells x genes, CSR counts
 * float32), balanced so that their mean is near that of the groups. Reads only these
 * groups. The draw depends on the seed and the parts. With several data sets the genes are the
 * intersection of their upper-cased symbols, spelled as in the first; uns "genes" says which.
 * Throws NO_PROMPT_CELLS for unknown groups or more cells than a group holds.
 */
export async function drawCells(request: DrawRequest): Promise<AnnData> {
  const sources = locate(request).filter(({ nCells }) => nCells > 0);
  const atlases = [...new Set(sources.map(({ atlas }) => atlas))];
  const { genes, columns } = shareGenes(atlases);
  const pools: { group: CellGroup; draw: GroupDraw; counts: CsrMatrix; names: string[] }[] = [];
  for (const { atlas, group, nCells } of sources) {
    const cells = await readGroup(atlas.dir, group);
    const counts =
      atlases.length === 1
        ? cells.counts
        : renumberColumns(cells.counts, columns.get(atlas)!, genes.length);
    const draw = drawFromGroup(
      randomStream(request.seed, `draw/${group.group_id}`),
      counts,
      nCells,
    );
    pools.push({
      group,
      draw,
      counts: takeRows(counts, draw.rows),
      names: Array.from(draw.rows, (row) => cells.names[row]!),
    });
  }
  balanceDraws(pools.map(({ draw }) => draw));
  const drawn = pools.map(({ group, draw, counts, names }) => {
    const places = drawnPlaces(draw);
    return {
      group,
      counts: takeRows(counts, places),
      names: Array.from(places, (at) => `${group.group_id}:${names[at]!}`),
    };
  });
  const column = (value: (group: CellGroup) => string): string[] =>
    drawn.flatMap(({ group, names }) => names.map(() => value(group)));
  return {
    X: stackRows(
      drawn.map(({ counts }) => counts),
      genes.length,
    ),
    obs: {
      index: drawn.flatMap(({ names }) => names),
      columns: {
        cell_type: column((group) => group.cell_type),
        perturbation: column((group) => group.perturbation),
        donor: column((group) => group.donor),
        group_id: column((group) => group.group_id),
        [request.splitColumn ?? SPLIT_COLUMN]: column(() => SPLIT_VALUE),
      },
    },
    var: { index: genes, columns: {} },
    uns: {
      genes:
        atlases.length === 1
          ? `all genes of ${atlases[0]!.index.dataset}`
          : `intersection of ${atlases.map((atlas) => atlas.index.dataset).join(", ")}`,
      simulated: atlases.some((atlas) => atlas.index.simulated) ? 1 : 0,
    },
  };
}
