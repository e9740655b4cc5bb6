import { join } from "node:path";
import { describeWith } from "./describe-with.ts";
import { DATA } from "./real-parts.ts";

const folder = DATA.found ?? "";

export const KANG = join(folder, "kang18_ifnb_pbmc.h5ad");
export const KANG_BY_DONOR = join(folder, "kang2018_pbmc_ifnb_3donors.h5ad");
export const GLIOBLASTOMA = join(folder, "gbm_panobinostat.h5ad");
export const PBMC68K = join(folder, "pbmc68k_reduced.h5ad");

/** A suite on the real data sets. */
export const describeWithData = describeWith(DATA);
