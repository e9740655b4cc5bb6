import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { simulateAtlas } from "../../science/simulate/simulate-atlas.ts";
import { describeWithData, GLIOBLASTOMA, KANG, KANG_BY_DONOR } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithPython, runPython } from "../support/python.ts";

interface Target {
  readonly cell_type: string;
  readonly donor: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly first_pearson_delta: number;
  readonly pearson_delta: number;
  readonly mean_of_others_pearson: number;
  readonly expected_low: number;
  readonly expected_high: number;
  readonly grounding_scores: readonly number[];
  readonly cell_eval: Record<string, number | null> | null;
  readonly vcc2026: Record<"prediction" | "repeated", Record<string, number | null>> | null;
  readonly transfer: string | null;
}

interface Validation {
  readonly targets: readonly Target[];
  readonly mean: Readonly<
    Record<
      | "pearson_delta"
      | "mean_of_others_pearson"
      | "delta_transfer_pearson"
      | "mse_delta"
      | "mean_of_others_mse"
      | "delta_transfer_mse",
      number
    >
  >;
  readonly files: { readonly figures: string; readonly split: string };
}

async function validate(
  atlas: string,
  ...more: string[]
): Promise<{ code: number | null; stderr: string; validation: Validation }> {
  const folder = await temporaryFolder();
  const { code, stdout, stderr } = await haystack([
    "validate",
    "--atlas",
    atlas,
    "--json",
    "--data-dir",
    folder,
    ...more,
  ]);
  return {
    code,
    stderr,
    validation: stdout === "" ? (null as never) : (JSON.parse(stdout) as Validation),
  };
}

describeWithData("validation on the Kang 2018 data", () => {
  const validateAll = async (...more: string[]): Promise<Validation> => {
    const { code, validation } = await validate(KANG, "--all", ...more);
    expect(code).toBe(0);
    expect(validation.targets.map(({ status }) => status)).toEqual(
      Array.from({ length: 5 }, () => "judged"),
    );
    return validation;
  };

  test("withheld cell types are predicted better than by the mean of the others, with split controls", async () => {
    const { mean } = await validateAll("--seed", "7");
    expect(mean.pearson_delta).toBeGreaterThanOrEqual(0.85);
    expect(mean.pearson_delta).toBeGreaterThan(mean.mean_of_others_pearson + 0.03);
  });

  test("started from the worst prompt, four of five targets end clearly better within three iterations", async () => {
    const { targets } = await validateAll(
      "--seed",
      "1",
      "--first-prompt",
      "worst",
      "--max-iterations",
      "3",
      "--score-threshold",
      "10",
    );
    expect(
      Math.max(...targets.map(({ grounding_scores }) => grounding_scores.length)),
    ).toBeLessThanOrEqual(3);
    const better = targets.filter(
      ({ first_pearson_delta: first, pearson_delta: last, grounding_scores: scores }) =>
        last > first + 0.1 && Math.max(...scores) > (scores[0] ?? 10),
    );
    expect(better.length / targets.length).toBeGreaterThanOrEqual(0.8);
  });

  test("a new patient is predicted in one round where no further one can be expected to help", async () => {
    const { code, validation } = await validate(
      GLIOBLASTOMA,
      "--withhold",
      "donor",
      "--all",
      "--donor",
      "PW034",
      "--score-threshold",
      "10",
    );
    expect(code).toBe(0);
    const [target] = validation.targets;
    expect(target).toMatchObject({ status: "judged", donor: "gbm_panobinostat:PW034" });
    expect(target?.grounding_scores).toHaveLength(1);
    expect(target?.expected_low).toBeLessThan(target?.pearson_delta ?? Number.NaN);
    expect(target?.expected_high).toBeGreaterThan(target?.pearson_delta ?? Number.NaN);
  });

  test("new patients are predicted better by what the others teach than by their mean", async () => {
    const all = ["--withhold", "donor", "--all", "--max-iterations", "1", "--seed", "1"];
    const { validation } = await validate(GLIOBLASTOMA, ...all);
    const { targets, mean } = validation;
    expect(targets).toHaveLength(5);
    for (const { grounding_scores, transfer } of targets) {
      expect(transfer).toBe("learned");
      // A measured response gets 9 or more there.
      expect(grounding_scores[0]).toBeGreaterThanOrEqual(9);
    }
    expect(mean.pearson_delta).toBeGreaterThanOrEqual(mean.mean_of_others_pearson);
    expect(mean.pearson_delta).toBeGreaterThan(mean.delta_transfer_pearson);
    expect(mean.mse_delta).toBeLessThanOrEqual(0.9 * mean.mean_of_others_mse);
    expect(mean.mse_delta).toBeLessThanOrEqual(0.9 * mean.delta_transfer_mse);
  });

  test("delta transfer can be chosen", async () => {
    const one = ["--withhold", "donor", "--all", "--donor", "PW034", "--max-iterations", "1"];
    const { validation } = await validate(GLIOBLASTOMA, ...one, "--transfer", "delta");
    expect(validation.targets[0]).toMatchObject({ transfer: "delta" });
    expect(validation.mean.pearson_delta).toBeCloseTo(validation.mean.delta_transfer_pearson, 1);
  });

  test("an atlas of one cell type names what fits it", async () => {
    const { code, stderr } = await validate(GLIOBLASTOMA, "--all");
    expect(code).toBe(2);
    expect(stderr).toContain("no other cell type has 10 cells under panobinostat");
    expect(stderr).toContain("--withhold donor (5 donors)");
  });

  test("what cannot be judged says why, and takes nothing from the rest", async () => {
    const { code, validation } = await validate(
      KANG_BY_DONOR,
      "--withhold",
      "donor",
      "--all",
      "--cell-type",
      "B cells",
      "--max-iterations",
      "1",
    );
    expect(code).toBe(0);
    const reasons = Object.fromEntries(
      validation.targets.map(({ donor, reason }) => [donor?.replace(/.*:/, ""), reason]),
    );
    expect(reasons).toEqual({
      "101": null,
      "1015": null,
      "107": "It has 5 perturbed cells, and a mean to compare with needs 10.",
    });
  });
});

test("perturbations of the same cells are ranked against each other", async () => {
  const atlas = join(await temporaryFolder(), "simulated.h5ad");
  const cells = simulateAtlas({
    seed: 3,
    nGenes: 200,
    nCellTypes: 3,
    nPerturbations: 3,
    nDonors: 2,
  });
  await writeH5ad(atlas, cells);
  const [cellType = ""] = cells.obs.columns["cell_type"] as readonly string[];
  const { code, validation } = await validate(
    atlas,
    "--all",
    "--cell-type",
    cellType,
    "--max-iterations",
    "1",
  );
  expect(code).toBe(0);
  const judged = validation.targets.filter(({ status }) => status === "judged");
  expect(judged.length).toBeGreaterThan(1);
  for (const { cell_eval: metrics, vcc2026 } of judged) {
    expect(metrics?.["discrimination_score_l1"]).toBeGreaterThan(0);
    expect(vcc2026?.prediction["pds_cosine"]).toBeGreaterThanOrEqual(0);
    expect(vcc2026?.prediction["pds_cosine"]).toBeLessThanOrEqual(1);
  }
});

describeWithPython("the figures of a validation", () => {
  const reference = async (source: string, { files, targets }: Validation): Promise<void> => {
    const program = await readFile(
      new URL("../support/validation-reference.py", import.meta.url),
      "utf8",
    );
    const found = await runPython<Record<string, number>[]>(program, {
      source,
      validation: files.figures,
      split: files.split,
    });
    const judged = targets.filter(({ status }) => status === "judged");
    expect(found.length).toBe(judged.length);
    expect(found.length).toBeGreaterThan(0);
    for (const [at, figures] of found.entries())
      for (const [name, value] of Object.entries(figures)) {
        const said = (judged[at] as unknown as Record<string, number | null>)[name];
        expect([name, said ?? Number.NaN]).toEqual([name, expect.closeTo(value, 6)]);
      }
  };

  test.each([["cell-type"], ["donor"], ["cell-type,donor"], ["perturbation"]])(
    "are those of Python on the same cells, with %s withheld",
    async (what) => {
      const atlas = join(await temporaryFolder(), "simulated.h5ad");
      await writeH5ad(
        atlas,
        simulateAtlas({ seed: 3, nGenes: 200, nCellTypes: 4, nPerturbations: 3, nDonors: 3 }),
      );
      const { code, validation } = await validate(
        atlas,
        "--withhold",
        what,
        "--all",
        "--perturbation",
        "Interferon beta",
        "--max-iterations",
        "1",
      );
      expect(code).toBe(0);
      await reference(atlas, validation);
      for (const { status, vcc2026 } of validation.targets)
        expect(vcc2026 === null).toBe(status !== "judged");
      const { prediction, repeated } = validation.targets.find(({ vcc2026 }) => vcc2026)!.vcc2026!;
      for (const metrics of [prediction, repeated])
        expect(metrics["sig_jaccard"]).toBeGreaterThan(0);
    },
  );
});
