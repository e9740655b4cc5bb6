import { chmod, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { runPython } from "../support/python.ts";

const WORKER = resolve("worker");

export interface StandInModel {
  /** INFERENCE_COMMAND that runs the STACK worker with the stand-in. */
  readonly command: string;
  readonly genes: number;
}

/**
 * The STACK worker with a stand-in for `stack-generation`, a checkpoint of a few bytes, and a gene
 * list made of the upper-case gene symbols of `atlas` without its last `unknown` genes.
 * `behaviour`: see worker/tests/stand_in.py. The worker is importable until the test's end.
 */
export async function standInModel(
  folder: string,
  options: { readonly atlas: string; readonly unknown?: number; readonly behaviour?: string },
): Promise<StandInModel> {
  const { python, genes } = await runPython<{ python: string; genes: number }>(
    `
import anndata, json, pickle, sys
given = json.loads(sys.argv[1])
symbols = [name.upper() for name in anndata.read_h5ad(given["atlas"], backed="r").var_names]
genes = sorted(symbols[: len(symbols) - given["unknown"]]) + ["NOT-IN-ATLAS"]
pickle.dump(genes, open(given["file"], "wb"))
print(json.dumps({"python": sys.executable, "genes": len(genes)}))`,
    { atlas: options.atlas, unknown: options.unknown ?? 0, file: join(folder, "genes.pkl") },
  );
  await writeFile(join(folder, "stand-in.ckpt"), "weights");
  const program = join(folder, "stack-generation");
  await writeFile(
    program,
    `#!/bin/sh\nexec '${python}' '${join(WORKER, "tests", "stand_in.py")}' --behaviour='${options.behaviour ?? ""}' "$@"\n`,
  );
  await chmod(program, 0o755);
  const before = process.env["PYTHONPATH"];
  process.env["PYTHONPATH"] = [before, WORKER].filter(Boolean).join(delimiter);
  onTestFinished(() => {
    if (before === undefined) delete process.env["PYTHONPATH"];
    else process.env["PYTHONPATH"] = before;
  });
  const files = `--checkpoint '${join(folder, "stand-in.ckpt")}' --genelist '${join(folder, "genes.pkl")}' --stack-generation '${program}'`;
  return {
    command: `'${python}' -m haystack_worker --manifest {manifest} --seed {seed} ${files}`,
    genes,
  };
}
