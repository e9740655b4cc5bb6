// A newcomer's first hour: the commands of README.md, literally, in the order in which they stand there, in this folder, a fresh
// clone. Of each it prints the exit code, the seconds and the last lines; one that fails ends it. Runs on the system's Node.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

const LINES_SHOWN = 8;
const RESULTS = "haystack-data/objects/results";
const NODE24 = resolve("node_modules/node/bin");
const env = { ...process.env };

/** What stands in README.md for something of the reader's own. */
const own = new Map();
const literally = (text) =>
  [...own].reduce((result, [stands, is]) => result.replaceAll(stands, is), text);

function show(command, code, seconds, output) {
  const lines = output.trimEnd().split("\n").slice(-LINES_SHOWN);
  console.log(
    `$ ${command}\n  exit ${code}, ${seconds} s\n${lines.map((line) => `  | ${line}`).join("\n")}`,
  );
}

function run(
  command,
  { program = "sh", flags = ["-c", 'exec 2>&1; eval "$0"'], expected = 0 } = {},
) {
  const began = performance.now();
  const { status, error, stdout, stderr } = spawnSync(program, [...flags, literally(command)], {
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    timeout: 30 * 60_000,
  });
  const output = `${stdout}${stderr}${error === undefined ? "" : error.message}`;
  show(command, status, ((performance.now() - began) / 1000).toFixed(1), output);
  if (status !== expected) fail(`exit ${expected} was expected of: ${command}`, output);
  if (output.includes("EBADENGINE")) fail(`npm complains of the engine in: ${command}`, output);
  return output;
}

function fail(what, output) {
  console.log(`${output}\nfirst hour: ${what}`);
  process.exit(1);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** The reader's own atlas: six cell types, one perturbation. */
function makeReadersAtlas() {
  const options = { seed: 1, nGenes: 1_000, nCellTypes: 6, nPerturbations: 1, nDonors: 2 };
  run(
    `import { simulate } from "./actors/tasks.ts"; await simulate({ file: "my_atlas.h5ad", options: ${JSON.stringify(options)} });`,
    { program: join(NODE24, "node"), flags: ["--input-type=module", "-e"] },
  );
}

/** The server of somebody else's: `npm start` with sign-in, a token for the reader, and its end. */
async function startServer() {
  const port = await freePort();
  own.set("https://haystack.example.org", `http://127.0.0.1:${port}`);
  const token = /hs_[\w-]+/.exec(run("npx haystack token create --owner you@example.org"))?.[0];
  own.set("hs_...", token);
  const server = spawn("npm", ["start"], {
    env: { ...env, HTTP_PORT: String(port), AUTH: "token" },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let log = "";
  for await (const text of server.stderr.setEncoding("utf8")) {
    log += text;
    if (log.includes("answers at")) break;
  }
  if (!log.includes("answers at")) fail("npm start does not answer", log);
  const kill = () => process.kill(-server.pid, "SIGTERM");
  process.once("exit", kill);
  return async () => {
    process.off("exit", kill);
    kill();
    await once(server, "exit");
  };
}

/** A machine with Node 24 and a folder for global packages of its own. */
function asOnNode24() {
  env.npm_config_prefix = join(env.HOME, "global");
  env.PATH = [NODE24, join(env.npm_config_prefix, "bin"), process.env.PATH].join(":");
}

/** The installed command on the system's Node, if that is too old: it says what to do, and that helps. */
function onTheSystemsNode() {
  env.PATH = [join(env.npm_config_prefix, "bin"), process.env.PATH].join(":");
  if (Number.parseInt(process.versions.node) >= 24) return;
  const told = run("haystack --version", { expected: 2 });
  run(`${/starting every command with: (.+)$/m.exec(told)[1]} --version`);
}

/** Python brings what packages need already, and each goes to a folder of the reader's own. */
const PIP =
  '-m pip install --no-deps --no-index --no-build-isolation --disable-pip-version-check --target "$PYTHONPATH"';

function inPython(language, text) {
  const python = process.env.FIRST_HOUR_PYTHON;
  if (python === undefined)
    return console.log("not tried, as there is no Python with scanpy here:\n" + text);
  env.PYTHONPATH = join(env.HOME, "python");
  if (language === "python") run(text, { program: python, flags: ["-c"] });
  else run(text.trim().replace(/^pip install/, `"${python}" ${PIP}`));
}

async function block(language, text) {
  if (language === "python" || text.startsWith("pip install ")) return inPython(language, text);
  const stop = text.includes("HAYSTACK_SERVER=") ? await startServer() : undefined;
  const isInstall = text.includes("--global");
  if (isInstall) asOnNode24();
  for (const line of text.trim().split("\n")) {
    if (!line.startsWith("export ")) run(line);
    else for (const [, name, value] of line.matchAll(/(\w+)=(\S+)/g)) env[name] = literally(value);
  }
  await stop?.();
  if (isInstall) onTheSystemsNode();
}

const blocks = [...readFileSync("README.md", "utf8").matchAll(/^```(sh|python)\n([^]+?)^```$/gm)];
if (blocks.length < 6) fail(`README.md has only ${blocks.length} blocks of commands`, "");
for (const [, language, text] of blocks) {
  await block(language, text);
  if (!existsSync(RESULTS)) continue;
  if (!existsSync("my_atlas.h5ad")) makeReadersAtlas();
  const files = readdirSync(RESULTS, { recursive: true });
  own.set(
    "run-..._predictions.h5ad",
    join(
      RESULTS,
      files.find((file) => file.endsWith("_predictions.h5ad")),
    ),
  );
}
console.log(`first hour: ${blocks.length} blocks of README.md work`);
