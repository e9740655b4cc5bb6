import { batchContract } from "./batch.contract.ts";
import { localHarness } from "./local-batch-harness.ts";

batchContract("local", () => localHarness());
