import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { scoreAtlas } from "../../bench/grounding-cases.ts";
import { judgeScores } from "../../bench/grounding-measures.ts";
import { describeWithData, KANG } from "../support/data.ts";

describeWithData("the grounding score on the Kang 2018 data", () => {
  test("tells right from wrong, follows the measured response and is stable over seeds, for one target of the benchmark", async () => {
    const folder = await mkdtemp(join(tmpdir(), "haystack-bounds-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const { figures, passed } = judgeScores(
      await scoreAtlas({
        source: KANG,
        folder,
        mostTargets: 1,
        otherQuestions: ["tgf-beta1", "dexamethasone"],
      }),
    );
    expect([passed, figures]).toEqual([true, expect.any(Object)]);
  });
});
