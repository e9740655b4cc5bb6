import { batchContract } from "./batch.contract.ts";
import { BATCH_HARNESSES } from "./batch-harnesses.ts";

for (const [name, harness] of Object.entries(BATCH_HARNESSES)) batchContract(name, harness);
