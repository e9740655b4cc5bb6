import { expect, test } from "vitest";
import { promptSupport, weakSupport } from "../../science/grounding/prompt-support.ts";

const profile = Float64Array.from([1, 2, 3, 4]);
const alike = Float64Array.from([1, 2, 4, 3]); // Pearson 0.8

test("what is not known is not held against a prediction", () => {
  expect(promptSupport(undefined, profile, undefined)).toEqual({
    promptCells: null,
    controlFidelity: null,
    factor: 1,
  });
  expect(weakSupport(promptSupport(undefined, profile, undefined))).toBeNull();
});

test("falls with the noise of few cells and with a control prediction that shows other cells", () => {
  expect(promptSupport(15, profile, profile).factor).toBeCloseTo(Math.sqrt(0.5));
  expect(promptSupport(undefined, profile, alike).factor).toBeCloseTo(0.8 / 0.9);
  expect(promptSupport(15, profile, alike).factor).toBeCloseTo((0.8 / 0.9) * Math.sqrt(0.5));
  expect(promptSupport(0, profile, profile).factor).toBe(0);
});

test("a reversed or flat control prediction supports nothing", () => {
  expect(
    promptSupport(
      100,
      profile,
      profile.map((value) => -value),
    ).factor,
  ).toBe(0);
  expect(promptSupport(100, profile, new Float64Array(4)).factor).toBe(0);
});

test("weak support is said in one sentence", () => {
  expect(weakSupport(promptSupport(15, profile, profile))).toBe(
    "The prompt supports the prediction weakly: 15 prompt cells were shown and the control prediction resembles the query cells with Pearson 1.00, so every component counts 0.71 times and confidence is lower.",
  );
  expect(weakSupport(promptSupport(1, profile, undefined))).toContain(
    "1 prompt cell was shown, so",
  );
  expect(weakSupport(promptSupport(400, profile, profile))).toBeNull();
});
