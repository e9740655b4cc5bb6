import { expect, test } from "vitest";
import { CLOUD, describeInCloud } from "../cloud.ts";
import { describeWith } from "../describe-with.ts";
import { REAL_PARTS } from "../real-parts.ts";

for (const part of REAL_PARTS)
  describeWith(part)(`with ${part.name}`, () => {
    test("runs", () => expect(part.found).toBeDefined());
  });

describeInCloud("with a whole cloud", () => {
  test("runs", () => expect(CLOUD).toHaveLength(3));
});

test("needs nothing", () => expect(REAL_PARTS).not.toEqual([]));
