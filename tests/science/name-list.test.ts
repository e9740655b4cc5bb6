import { describe, expect, it } from "vitest";
import { packNames, unpackNames } from "../../science/knowledge/name-list.ts";
import { labelKey } from "../../science/knowledge/tokens.ts";

const list = unpackNames(
  packNames([
    { name: "Bortezomib", id: "DB00188", others: ["Velcade", "PS-341", "shared"] },
    { name: "Ixazomib", id: "DB09570", others: ["MLN-2238", "shared", "bortezomib"] },
    { name: "β-Estradiol", id: "DB00783", others: [] },
  ]),
);
const find = (name: string) => list.find(labelKey(name));

describe("a list of names", () => {
  it("finds a concept by each of its names, in any spelling that a reader takes for it", () => {
    expect(find("velcade")).toEqual({ name: "Bortezomib", id: "DB00188" });
    expect(find("PS 341")).toEqual({ name: "Bortezomib", id: "DB00188" });
    expect(find("MLN2238")?.id).toBe("DB09570");
    expect(find("beta estradiol")?.name).toBe("β-Estradiol");
  });

  it("gives an own name to its concept, and what two claim to none", () => {
    expect(find("bortezomib")?.id).toBe("DB00188");
    expect(find("shared")).toBeNull();
  });

  it("gives an own name that two share to the first or to none, as asked", () => {
    const twins = [
      { name: "MIR124-3", id: "1", others: [] },
      { name: "MIR1243", id: "2", others: [] },
    ];
    const key = labelKey("MIR1243");
    expect(unpackNames(packNames(twins)).find(key)).toBeNull();
    expect(unpackNames(packNames(twins, "first")).find(key)?.id).toBe("1");
  });

  it("finds the concepts with a name that is near in letters, and alike in digits", () => {
    const near = (name: string, edits: number) =>
      list.near(labelKey(name), edits).map(({ name: own }) => own);
    expect(near("bortezomip", 1)).toEqual(["Bortezomib"]);
    expect(near("velcode", 1)).toEqual(["Bortezomib"]);
    expect(near("bortezo", 2)).toEqual([]);
    expect(near("PS-342", 2)).toEqual([]);
    expect(near("zzzzzzzz", 8)).toEqual([]);
  });

  it("finds nothing for a part of a name, a longer one or none", () => {
    for (const name of ["", "Bortezomi", "Bortezomibs", "zzz", "0", "MLN"])
      expect([name, find(name)]).toEqual([name, null]);
  });
});
