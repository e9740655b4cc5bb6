// The package as a dependency of another program, in a folder beside this one: installs it on Node 24 as docs/as-a-package.md says,
// and runs the program that stands there on the atlas of first-hour.mjs.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = resolve("../dependency");
const env = {
  ...process.env,
  PATH: `${resolve("node_modules/node/bin")}:${process.env.PATH}`,
  HAYSTACK_DATA_DIR: resolve("haystack-data"),
};
const run = (program, ...args) =>
  execFileSync(program, args, {
    cwd: folder,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });

const [, program] = /```ts\n([^]+?)```/.exec(readFileSync("docs/as-a-package.md", "utf8"));
const tarball = resolve(readdirSync(".").find((name) => name.endsWith(".tgz")));
mkdirSync(folder);
writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
writeFileSync(join(folder, "program.ts"), program);
run("npm", "install", "--no-audit", "--no-fund", tarball);
const answer = run("node", "program.ts");
if (!/^completed \d+\n$/.test(answer)) throw new Error(`The program printed: ${answer}`);
console.log(`docs/as-a-package.md: ${answer.trim()}`);
