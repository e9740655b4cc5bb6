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
  remove(): Promise<void>;
}

/**
 * Packs the product and puts what the tarball holds under node_modules of a folder, with the
 * packages that it says it needs and no others.
 */
export async function installPackage(): Promise<PackagePlace> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-package-"));
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--silent", "--json", "--pack-destination", folder], {
      // The guard of the tests is written for Node 24, which npm does not need.
      env: { ...process.env, NODE_OPTIONS: "" },
      encoding: "utf8",
    }),
  ) as [Packed];
  const home = join(folder, "node_modules", "haystack");
  for (const { path } of packed.files) await cp(path, join(home, path));
  const { dependencies } = JSON.parse(await readFile("package.json", "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of Object.keys(dependencies)) {
    const linked = join(home, "node_modules", name);
    await mkdir(dirname(linked), { recursive: true });
    await symlink(resolve("node_modules", name), linked);
  }
  return {
    packed,
    folder,
    program: join(home, "bin", "haystack.mjs"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
