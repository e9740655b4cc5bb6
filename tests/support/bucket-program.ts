import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";

/**
 * The baseline as the container of a Batch job: `bucket-program.ts ENDPOINT BUCKET MOUNT --prompt P
 * --query Q --output O --seed N`. Stands in for the mounted bucket: inputs are brought from the
 * Cloud Storage server, outputs taken there.
 */
const [, , endpoint = "", bucket = "", mount = "", ...given] = process.argv;
const option = (name: string): string => given[given.indexOf(`--${name}`) + 1] ?? "";
const [prompt, query, output] = [option("prompt"), option("query"), option("output")];

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

await Promise.all([bring(prompt), bring(query)]);
execFileSync(
  process.execPath,
  [
    "science/inference/delta-transfer-main.ts",
    "--prompt",
    prompt,
    "--query",
    query,
    "--output",
    output,
  ],
  { stdio: "inherit" },
);
await take(output);
await take(`${output}.metrics.json`);
