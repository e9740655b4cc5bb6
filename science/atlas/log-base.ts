import type { H5adFile } from "../anndata/open.ts";

/** The base of the logarithms in X as scanpy notes it; e unless the file says another. */
export function logBaseOf(file: H5adFile): number {
  const base = file.unsValue("log1p/base");
  return typeof base === "number" && base > 1 ? base : Math.E;
}
