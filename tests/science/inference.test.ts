import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AnnData } from "../../science/anndata/anndata.ts";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { compareWithTruth } from "../../science/grounding/compare-with-truth.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import { validatePrediction } from "../../science/inference/validate-prediction.ts";
import { waterLevel } from "../../science/inference/water-level.ts";
import { describeWithData } from "../support/data.ts";
import { KANG_CELL_TYPES, adataOf, csrOf, readKang, selectCells } from "../support/kang.ts";
import { describeWithPython, runPython } from "../support/python.ts";

const run = promisify(execFile);
const command = (...options: string[]): Promise<unknown> =>
  run(process.execPath, ["science/inference/delta-transfer-main.ts", ...options]);

describe("water level", () => {
  test("the clipped mean is exactly the target, for any values and target", () => {
    // Doubles of any size are seldom near each other; hundredths are.
    const upTo = (max: number) =>
      fc.oneof(
        fc.double({ min: 0, max, noNaN: true }),
        fc.integer({ min: 0, max: 100 * max }).map((hundredths) => hundredths / 100),
      );
    const values = fc.array(fc.oneof(fc.constant(0), upTo(9)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, upTo(12), (all, target) => {
        const ascending = all.filter((value) => value > 0).toSorted((a, b) => a - b);
        const shift = waterLevel(ascending, all.length, target);
        const mean = all.reduce((sum, value) => sum + Math.max(0, value + shift), 0) / all.length;
        expect(mean).toBeCloseTo(target, 9);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("delta transfer", () => {
  const prompt = adataOf(
    [
      [8, 0, 2, 90],
      [12, 0, 4, 84],
    ],
    ["up", "GONE", "Only_Prompt", "House"],
  );
  const query = adataOf(
    [
      [0, 3, 90, 7],
      [1, 0, 95, 4],
    ],
    ["UP", "GONE", "HOUSE", "ONLY_QUERY"],
  );

  test("genes meet by symbol in any case; a gene the prompt has at zero becomes zero; one it lacks stays", () => {
    const prediction = deltaTransfer(prompt, query);
    const dense = (row: number): number[] => {
      const values = [0, 0, 0, 0];
      for (let k = prediction.X.indptr[row]!; k < prediction.X.indptr[row + 1]!; k += 1)
        values[prediction.X.indices[k]!] = prediction.X.data[k]!;
      return values;
    };
    const meanUp = (Math.log1p(dense(0)[0]! * 100) + Math.log1p(dense(1)[0]! * 100)) / 2;
    expect(meanUp).toBeCloseTo((Math.log1p(800) + Math.log1p(1200)) / 2, 4);
    expect([dense(0)[1], dense(1)[1]]).toEqual([0, 0]);
    expect(dense(0)[3]).toBeCloseTo(7, 4);
    expect(dense(1)[3]).toBeCloseTo(4, 4);
    expect(prediction.obs).toBe(query.obs);
    expect(prediction.var).toBe(query.var);
    expect(prediction.uns).toStrictEqual({
      model: "delta-transfer",
      is_baseline: 1,
      transfer: "delta",
      shared_genes: 3,
      prompt_cells: 2,
    });
    validatePrediction(prediction, query);
  });

  test("genes meet by name, in whatever order the prompt has them", () => {
    const names = prompt.var.index;
    const orders = [
      [3, 0, 1, 2],
      [2, 3, 0, 1],
      [0, 3, 2, 1],
    ];
    const counts = [
      [8, 0, 2, 90],
      [12, 0, 4, 84],
    ];
    for (const order of orders) {
      const other = adataOf(
        counts.map((row) => order.map((gene) => row[gene]!)),
        order.map((gene) => names[gene]!),
      );
      expect(deltaTransfer(other, query)).toEqual(deltaTransfer(prompt, query));
    }
  });

  test("the query as its own prompt comes back", () => {
    const same = deltaTransfer(query, query);
    expect(same.X.indptr).toEqual(query.X.indptr);
    same.X.data.forEach((value, k) => expect(value).toBeCloseTo(query.X.data[k]!, 4));
  });

  test("a cell without counts stays empty", () => {
    const empty = adataOf(
      [
        [0, 0, 0, 0],
        [1, 0, 95, 4],
      ],
      query.var.index,
    );
    expect(deltaTransfer(prompt, empty).X.indptr[1]).toBe(0);
  });

  test("refuses sides without cells or shared genes", () => {
    const invalid = expect.objectContaining({ code: "ANNDATA_INVALID" });
    expect(() => deltaTransfer(adataOf([], prompt.var.index), query)).toThrow(invalid);
    expect(() => deltaTransfer(prompt, adataOf([], query.var.index))).toThrow(invalid);
    expect(() => deltaTransfer(adataOf([[1]], ["ELSE"]), query)).toThrow(invalid);
  });
});

describe("a prediction is refused", () => {
  const query = adataOf(
    [
      [1, 2],
      [3, 4],
    ],
    ["A", "B"],
  );
  const with_ = (part: Partial<AnnData>): AnnData => ({ ...query, ...part });
  test.each<[string, AnnData]>([
    ["when cells are missing", adataOf([[1, 2]], ["A", "B"])],
    ["when cells are in another order", with_({ obs: { index: ["cell1", "cell0"], columns: {} } })],
    ["when genes differ", with_({ var: { index: ["A", "C"], columns: {} } })],
    ["when the matrix has another shape", with_({ X: { ...csrOf([[1, 2]]), nRows: 1 } })],
    ["when the matrix is torn", with_({ X: { ...query.X, indices: query.X.indices.subarray(1) } })],
    ["when a count is negative", with_({ X: { ...query.X, data: Float32Array.of(1, -2, 3, 4) } })],
    [
      "when a count is not a number",
      with_({ X: { ...query.X, data: Float32Array.of(1, NaN, 3, 4) } }),
    ],
    [
      "when a count is infinite",
      with_({ X: { ...query.X, data: Float32Array.of(1, Infinity, 3, 4) } }),
    ],
  ])("%s", (_, prediction) => {
    expect(() => validatePrediction(prediction, query)).toThrow(
      expect.objectContaining({ code: "PREDICTION_INVALID" }),
    );
  });

  test("not when it fits", () => {
    expect(() => validatePrediction(with_({}), query)).not.toThrow();
  });
});

describeWithData("delta transfer on measured cells", () => {
  let kang: AnnData;
  let folder: string;
  beforeAll(async () => {
    kang = await readKang();
    folder = await mkdtemp(join(tmpdir(), "haystack-inference-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test("predicts each withheld cell type better than the plain clip would (mean Pearson of deltas over 0.815)", () => {
    const r = KANG_CELL_TYPES.map((cellType) => {
      const control = selectCells(kang, (cell) => cell.cellType === cellType && !cell.treated);
      return compareWithTruth({
        predictedTreated: deltaTransfer(
          selectCells(kang, (cell) => cell.cellType !== cellType && cell.treated),
          control,
        ),
        predictedReference: deltaTransfer(
          selectCells(kang, (cell) => cell.cellType !== cellType && !cell.treated),
          control,
        ),
        truthTreated: selectCells(kang, (cell) => cell.cellType === cellType && cell.treated),
        truthControl: control,
      }).pearson_delta;
    });
    expect(r.reduce((sum, value) => sum + value, 0) / r.length).toBeGreaterThan(0.815);
  });

  describeWithPython("the command", () => {
    test("writes a file anndata reads, with its metrics, the same bytes each time, and leaves nothing else", async () => {
      const [prompt, query] = [join(folder, "prompt.h5ad"), join(folder, "query.h5ad")];
      await writeH5ad(
        prompt,
        selectCells(kang, (cell) => cell.cellType !== "B cells" && cell.treated),
      );
      await writeH5ad(
        query,
        selectCells(kang, (cell) => cell.cellType === "B cells" && !cell.treated),
      );
      const outputs = [join(folder, "first.h5ad"), join(folder, "second.h5ad")];
      for (const output of outputs)
        await command("--prompt", prompt, "--query", query, "--output", output);

      expect(await readFile(outputs[0]!)).toEqual(await readFile(outputs[1]!));
      expect((await readdir(folder)).toSorted()).toEqual([
        "first.h5ad",
        "first.h5ad.metrics.json",
        "prompt.h5ad",
        "query.h5ad",
        "second.h5ad",
        "second.h5ad.metrics.json",
      ]);
      const metrics = JSON.parse(await readFile(`${outputs[0]!}.metrics.json`, "utf8")) as Record<
        string,
        unknown
      >;
      expect(metrics).toStrictEqual({
        model: "delta-transfer",
        cells: 144,
        genes: 1267,
        seconds: expect.any(Number) as number,
        peak_rss_bytes: expect.any(Number) as number,
      });
      expect(metrics["seconds"]).toBeGreaterThan(0);
      expect(metrics["peak_rss_bytes"]).toBeGreaterThan(1e7);
      validatePrediction(await readH5ad(outputs[0]!), await readH5ad(query));
      const seen = await runPython<{ shape: number[]; model: string; names: boolean }>(
        `
import json, sys
import anndata as ad
p, q = (ad.read_h5ad(path) for path in json.loads(sys.argv[1]))
print(json.dumps({"shape": list(p.shape), "model": str(p.uns["model"]), "names": bool((p.obs_names == q.obs_names).all() and (p.var_names == q.var_names).all())}))`,
        [outputs[0], query],
      );
      expect(seen).toEqual({ shape: [144, 1267], model: "delta-transfer", names: true });
    });

    test.each<[string, string[]]>([
      ["a missing option", ["--prompt", "x.h5ad"]],
      ["an unknown option", ["--prompts", "x.h5ad"]],
      [
        "a missing file",
        [
          "--prompt",
          "absent.h5ad",
          "--query",
          "absent.h5ad",
          "--output",
          join(tmpdir(), "haystack-never.h5ad"),
        ],
      ],
      [
        "a file that is no HDF5",
        [
          "--prompt",
          "package.json",
          "--query",
          "package.json",
          "--output",
          join(tmpdir(), "haystack-never.h5ad"),
        ],
      ],
    ])("%s exits with 2 and one line on stderr", async (_, options) => {
      await expect(command(...options)).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^[A-Z_0-9]+: [^\n]+\n$/) as string,
      });
      expect(existsSync(join(tmpdir(), "haystack-never.h5ad"))).toBe(false);
    });

    test("an output that cannot be written exits with 1 and leaves nothing", async () => {
      const file = join(folder, "query-small.h5ad");
      await writeH5ad(
        file,
        selectCells(kang, (cell) => cell.index < 5),
      );
      await writeFile(join(folder, "blocker"), "");
      await expect(
        command("--prompt", file, "--query", file, "--output", join(folder, "blocker", "out.h5ad")),
      ).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^[A-Z_0-9]+: [^\n]+\n$/) as string,
      });
      await rm(join(folder, "blocker"));
      await rm(file);
    });
  });
});
