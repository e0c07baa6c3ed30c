import { describe, expect, it } from "vitest";
import { freeId, idOf, marks, renamed, STARTER } from "./problems";

const problem = (line: number) => ({
  code: "x",
  severity: "error" as const,
  message: "It is wrong.",
  remedy: "Correct it.",
  line,
  variable: "",
});

describe("problems of a template", () => {
  it("are marked over their whole line", () => {
    expect(marks([problem(2)], "one\ntwo\nthree")).toMatchObject([
      { from: 4, to: 7, message: "It is wrong. Correct it." },
    ]);
    expect(marks([problem(3)], "one\ntwo\nthree")).toMatchObject([{ from: 8, to: 13 }]);
  });
  it("of no line stand at the first, those of a line that is gone nowhere", () => {
    expect(marks([problem(0)], "one\ntwo")).toMatchObject([{ from: 0, to: 3 }]);
    expect(marks([problem(9)], "one\ntwo")).toEqual([]);
    expect(marks([problem(1)], "")).toMatchObject([{ from: 0, to: 0 }]);
  });
});

describe("the id of a template", () => {
  it("is read and changed in its first line", () => {
    expect(idOf(STARTER)).toBe("my_template");
    expect(idOf(renamed(STARTER, "other"))).toBe("other");
    expect(idOf("structure a.psf")).toBe("");
  });
  it("of a copy is free", () => {
    expect(freeId("npt", ["npt"])).toBe("npt_copy");
    expect(freeId("npt_copy", ["npt", "npt_copy"])).toBe("npt_copy_2");
  });
});
