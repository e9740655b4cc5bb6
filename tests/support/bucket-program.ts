import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/**
 * The baseline as the container of a Batch job: `bucket-program.ts ENDPOINT BUCKET MOUNT --prompt P
 * --query Q --output O --seed N`, or `--manifest M --seed N`. Stands in for the mounted bucket:
 * inputs are brought from the Cloud Storage server, outputs taken there.
 */
interface Pair {
  readonly prompt: string;
  readonly query: string;
  readonly output: string;
}

const [, , endpoint = "", bucket = "", mount = "", ...given] = process.argv;
const option = (name: string): string => given[given.indexOf(`--${name}`) + 1] ?? "";

async function bring(file: string): Promise<void> {
  const answer = await fetch(
    `${endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(relative(mount, file))}?alt=media`,
  );
  if (!answer.ok) throw new Error(`No object for ${file}: ${answer.status}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
}

async function take(file: string): Promise<void> {
  const address = `${endpoint}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(relative(mount, file))}`;
  const answer = await fetch(address, { method: "POST", body: readFileSync(file) });
  if (!answer.ok) throw new Error(`${file} was not taken: ${answer.status}`);
  await answer.arrayBuffer();
}

async function pairsOf(manifest: string): Promise<Pair[]> {
  await bring(manifest);
  const { pairs } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly pairs: Pair[] };
  const file = (name: string): string => join(dirname(manifest), name);
  return pairs.map(({ prompt, query, output }) => ({
    prompt: file(prompt),
    query: file(query),
    output: file(output),
  }));
}

const pairs = given.includes("--manifest")
  ? await pairsOf(option("manifest"))
  : [{ prompt: option("prompt"), query: option("query"), output: option("output") }];
for (const { prompt, query, output } of pairs) {
  await Promise.all([bring(prompt), bring(query)]);
  const words = ["--prompt", prompt, "--query", query, "--output", output];
  execFileSync(process.execPath, ["science/inference/delta-transfer-main.ts", ...words], {
    stdio: "inherit",
  });
  await take(output);
  await take(`${output}.metrics.json`);
}
