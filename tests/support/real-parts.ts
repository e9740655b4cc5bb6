import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { mayMountDisk } from "../../bench/chaos-disk.ts";
import { findServerProgram } from "./mongodb-program.ts";

/** Something that does not come with `npm ci` and that some suites need. */
export interface RealPart {
  readonly name: string;
  /** Where it is; undefined where it is missing. */
  readonly found: string | undefined;
  /** How to have it. */
  readonly hint: string;
}

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
};

const onPath = (...names: readonly string[]): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isProgram);

const ifThere = (file: string | undefined): string | undefined =>
  file !== undefined && existsSync(file) ? file : undefined;

function pubsubJar(): string | undefined {
  if (onPath("java") === undefined) return undefined;
  const given = process.env["PUBSUB_EMULATOR_JAR"];
  if (given !== undefined) return ifThere(given);
  const gcloud = onPath("gcloud");
  if (gcloud === undefined) return undefined;
  const folder = join(dirname(realpathSync(gcloud)), "..", "platform", "pubsub-emulator", "lib");
  const name = existsSync(folder)
    ? readdirSync(folder).find((file) => /^cloud-pubsub-emulator-.*-all\.jar$/.test(file))
    : undefined;
  return name === undefined ? undefined : join(folder, name);
}

const python = resolve(process.env["HAYSTACK_TEST_PYTHON"] ?? ".cache/venv/bin/python");
const data = resolve(process.env["HAYSTACK_TEST_DATA"] ?? "../shared/data");
const mongodbProgram = findServerProgram(process.env["PATH"] ?? "");

export const PYTHON: RealPart = {
  name: "Python with anndata, scanpy and scipy",
  found: ifThere(python),
  hint: "install .ci/requirements.txt, .ci/requirements-client.txt and .ci/requirements-worker.txt into .cache/venv, or set HAYSTACK_TEST_PYTHON",
};
export const NEWEST_PYTHON: RealPart = {
  name: "the newest Python with what the Python client needs",
  found: ifThere(resolve(".cache/venv-newest/bin/python")),
  hint: "run .ci/newest-python.sh",
};
export const FUZZER: RealPart = {
  name: "the fuzzer Schemathesis",
  found: ifThere(join(dirname(python), "schemathesis")),
  hint: "install .ci/requirements.txt into .cache/venv",
};
export const CELL_EVAL: RealPart = {
  name: "Arc's cell-eval and cell-eval2",
  found:
    ifThere(join(dirname(python), "cell-eval")) && ifThere(join(dirname(python), "cell-eval2")),
  hint: "install .ci/requirements.txt into .cache/venv",
};
export const DATA: RealPart = {
  name: "the real data sets",
  found: existsSync(join(data, "kang18_ifnb_pbmc.h5ad")) ? data : undefined,
  hint: "name their folder in HAYSTACK_TEST_DATA",
};
export const MONGODB: RealPart = {
  name: "a MongoDB server",
  found: process.env["MONGODB_URI"] ?? mongodbProgram?.file,
  hint: "install mongod, run .ci/mongodb-wire.sh, or set MONGODB_URI",
};
export const MONGODB_WIRE: RealPart = {
  name: "a MongoDB server of the tests' own",
  found: findServerProgram("")?.file,
  hint: "run .ci/mongodb-wire.sh",
};
export const GCS: RealPart = {
  name: "a Cloud Storage emulator",
  found: ifThere(resolve(".cache/gcs-emulator/fake-gcs-server")),
  hint: "run .ci/gcs-emulator.sh",
};
export const PUBSUB: RealPart = {
  name: "the Pub/Sub emulator",
  found: pubsubJar(),
  hint: "install Java and the pubsub-emulator component of the Google Cloud SDK, or set PUBSUB_EMULATOR_JAR",
};
export const TERRAFORM_PROVIDERS: RealPart = {
  name: "what Google's Terraform providers take",
  found: ifThere(resolve(".cache/terraform-providers")),
  hint: "run .ci/terraform.sh",
};
export const BROWSER: RealPart = {
  name: "a browser",
  found: process.env["CHROMIUM"] ?? onPath("chromium", "chromium-browser", "google-chrome"),
  hint: "install Chromium, or name its program in CHROMIUM",
};
const shell = (name: string): RealPart => ({
  name: `the shell ${name}`,
  found: onPath(name),
  hint: `install ${name}`,
});
export const BASH = shell("bash");
export const ZSH = shell("zsh");
export const FISH = shell("fish");

let mayMount: boolean | undefined;
export const SMALL_DISK: RealPart = {
  name: "a disk that can be filled",
  // One is mounted to know, so only where somebody asks.
  get found() {
    mayMount ??= mayMountDisk();
    return mayMount ? "mount" : undefined;
  },
  hint: "run the tests on Linux as a user who may mount disks",
};
export const PROCESSES: RealPart = {
  name: "a list of processes",
  found: ifThere("/proc/self/stat"),
  hint: "run the tests on Linux",
};

/** All that suites are skipped for: what is missing here of them is said at the end. */
export const REAL_PARTS = [
  PYTHON,
  NEWEST_PYTHON,
  FUZZER,
  CELL_EVAL,
  DATA,
  MONGODB,
  MONGODB_WIRE,
  GCS,
  PUBSUB,
  TERRAFORM_PROVIDERS,
  BROWSER,
  BASH,
  ZSH,
  FISH,
  SMALL_DISK,
  PROCESSES,
] as const;
