import { expect, test } from "vitest";
import { jsonText } from "../../json-text.ts";

test("is the JSON of the value, lasting parts and all", () => {
  const value = {
    absent: undefined,
    nothing: null,
    text: 'a "b"',
    list: [{ n: 1 }, { n: 2 }],
    none: [],
    part: { deep: { x: [1, null] } },
    last: 0,
  };
  expect(JSON.parse(jsonText(value, ["list", "none", "part", "nothing", "absent"]))).toEqual(
    JSON.parse(JSON.stringify(value)),
  );
  expect([
    jsonText({ part: { x: 1 }, last: 0 }, []),
    jsonText({ part: { x: 1 } }, ["part"]),
    jsonText({}, []),
  ]).toEqual(['{"part":{"x":1},"last":0}', '{"part":{"x":1}}', "{}"]);
});

test("a part that is replaced shows its new text, the others the text that they had", () => {
  const settled = { summary: "first" };
  const before = { rounds: [settled], now: 1 };
  jsonText(before, ["rounds"]);
  const after = { ...before, rounds: [...before.rounds, { summary: "second" }], now: 2 };
  expect(JSON.parse(jsonText(after, ["rounds"]))).toEqual(after);
  expect(
    JSON.parse(jsonText({ ...after, rounds: [{ ...settled, summary: "other" }] }, ["rounds"])),
  ).toEqual({ rounds: [{ summary: "other" }], now: 2 });
});
