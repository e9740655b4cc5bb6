import type { BatchAdapter } from "../../config/batch-adapter.ts";
import type { BatchHarness } from "./batch.contract.ts";
import { googleHarness } from "./google-batch-harness.ts";
import { localHarness } from "./local-batch-harness.ts";

/** Every adapter of the port runs the contract suite. */
export const BATCH_HARNESSES: Readonly<Record<BatchAdapter, () => Promise<BatchHarness>>> = {
  local: () => localHarness(),
  google: () => googleHarness(),
};
