import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

interface Packed {
  /** Bytes of the tarball, and of what is in it. */
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

export interface PackagePlace {
  readonly packed: Packed;
  /** A folder in which programs find the package by its name. */
  readonly folder: string;
  readonly program: string;
  /** The program of an installation with `--omit=optional`. */
  readonly smallProgram: string;
  remove(): Promise<void>;
}

type Needs = Readonly<Record<"dependencies" | "optionalDependencies", Record<string, string>>>;

/** What the tarball holds, in a folder, with these packages of those that are installed here. */
async function put({ files }: Packed, home: string, packages: readonly string[]): Promise<string> {
  for (const { path } of files) await cp(path, join(home, path));
  for (const name of packages) {
    const place = join(home, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(resolve("node_modules", name), place);
  }
  return join(home, "bin", "haystack.mjs");
}

/** Packs the product and installs it twice, with the packages that it says it needs and no others. */
export async function installPackage(): Promise<PackagePlace> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-package-"));
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--silent", "--json", "--pack-destination", folder], {
      // The guard of the tests is written for Node 24, which npm does not need.
      env: { ...process.env, NODE_OPTIONS: "" },
      encoding: "utf8",
    }),
  ) as [Packed];
  const needs = JSON.parse(await readFile("package.json", "utf8")) as Needs;
  const small = Object.keys(needs.dependencies);
  const all = [...small, ...Object.keys(needs.optionalDependencies)];
  return {
    packed,
    folder,
    program: await put(packed, join(folder, "node_modules", "haystack"), all),
    smallProgram: await put(packed, join(folder, "small", "node_modules", "haystack"), small),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
