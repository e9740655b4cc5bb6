import { batchContract } from "./batch.contract.ts";
import { googleHarness } from "./google-batch-harness.ts";

batchContract("google", () => googleHarness());
