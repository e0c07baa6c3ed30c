import { describe, expect, it } from "vitest";
import { byKind, diffLines, matches, readTexts } from "./imports";
import { suits } from "./library";

const incoming = (path: string, text: string) => ({ path, file: new File([text], path.split("/").at(-1) ?? path) });

describe("files that become templates", () => {
  it("are read when they can matter", async () => {
    const files = [incoming("a/run.namd", "run 20"), incoming("a/big.dcd", "x"), incoming("a/box.str", "set a 5")];
    expect(await readTexts(files)).toEqual({ "a/run.namd": "run 20", "a/box.str": "set a 5" });
    expect(await readTexts([incoming("any.txt", "run 20")])).toEqual({ "any.txt": "run 20" });
  });
  it("are refused with words when they are too much", async () => {
    await expect(readTexts([incoming("x.namd", "x".repeat(2_000_000))])).rejects.toThrow("too large");
    await expect(readTexts(Array.from({ length: 201 }, (_, n) => incoming(`${n}.namd`, "x")))).rejects.toThrow("many");
    await expect(readTexts([incoming("a.dcd", "x"), incoming("b.dcd", "x")])).rejects.toThrow("no NAMD config");
  });
});

const template = (id: string, kind: string) => ({ id, kind, title: id, description: "", clusters: [] });

describe("the list of templates", () => {
  it("is in the order of a simulation", () => {
    const kinds = ["", "production", "own kind", "minimisation"].map((kind) => template("x", kind));
    expect(byKind(kinds).map(({ kind }) => kind)).toEqual(["minimisation", "production", "own kind", ""]);
  });
  it("is searched by all words", () => {
    expect(matches(template("npt_production", "production"), "prod npt")).toBe(true);
    expect(matches(template("npt_production", "production"), "nvt")).toBe(false);
    expect(matches(template("x", ""), "")).toBe(true);
  });
});

describe("a template for clusters", () => {
  it("is offered there, and where no cluster is chosen", () => {
    expect(suits([], "alpine")).toBe(true);
    expect(suits(["alpine"], "alpine")).toBe(true);
    expect(suits(["alpine"], "")).toBe(true);
    expect(suits(["alpine"], "other")).toBe(false);
  });
});

describe("a diff", () => {
  it("is told by its signs", () => {
    expect(diffLines("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n z\n").map(({ kind }) => kind)).toEqual([
      "place",
      "removed",
      "added",
      "same",
    ]);
    expect(diffLines("")).toEqual([]);
  });
});
