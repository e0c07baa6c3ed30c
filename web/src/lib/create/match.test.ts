import { describe, expect, it } from "vitest";
import type { ChosenFile } from "./draft";
import { assign, contradiction, factsWords, likelyConfigs, takers } from "./match";
import { variable } from "./sample";

const VARIABLES = [
  variable("structure_file", { type: "file", extensions: [".psf"], required: true }),
  variable("coordinates_file", { type: "file", extensions: [".pdb"], required: true }),
  variable("parameter_files", { type: "files", extensions: [".prm", ".str"], required: true }),
  variable("temperature", { default: 300 }),
];

const chosen = (name: string, atoms?: number): ChosenFile => ({
  id: name,
  name,
  path: `/x/${name}`,
  bytes: 1,
  variable: "any",
  upload: "",
  facts: atoms === undefined ? undefined : { path: "", name, bytes: 1, kind: "", note: "", problem: "", atoms },
});

describe("dropped files", () => {
  it("go to the variable that takes their kind", () => {
    const names = ["a.prm", "SYSTEM.PSF", "b.str", "system.pdb", "notes.txt"];
    expect(assign(names, VARIABLES, {}, {})).toEqual([
      "parameter_files",
      "structure_file",
      "parameter_files",
      "coordinates_file",
      "",
    ]);
  });
  it("do not push away a file that is there", () => {
    expect(assign(["b.psf"], VARIABLES, {}, { structure_file: ["/x/a.psf"] })).toEqual([""]);
    expect(assign(["a.psf", "b.psf"], VARIABLES, {}, {})).toEqual(["structure_file", ""]);
  });
  it("may be given to every variable of their kind", () => {
    expect(takers("a.PSF", VARIABLES).map((v) => v.name)).toEqual(["structure_file"]);
  });
  it("of a folder: the config to run comes first", () => {
    expect(likelyConfigs(["run/toppar/x.prm", "run/step5/prod.inp", "run/b.namd", "run/step5/a.namd"])).toEqual([
      "run/b.namd",
      "run/step5/a.namd",
      "run/step5/prod.inp",
    ]);
  });
});

describe("what is said of files", () => {
  it("has units", () => {
    const cell = [
      [60, 0, 0],
      [0, 60, 0],
      [0, 0, 72.5],
    ];
    const facts = {
      path: "",
      name: "",
      bytes: 1,
      kind: "",
      note: "",
      problem: "",
      atoms: 23558,
      charge: -0.0000001,
      cell,
    };
    expect(factsWords(facts)).toBe("23,558 atoms, charge 0 e, cell 60 × 60 × 72.5 Å");
    expect(factsWords({ ...facts, cell: null, charge: -2 })).toBe("23,558 atoms, charge −2 e");
  });
  it("names files that do not belong together", () => {
    expect(contradiction([chosen("a.psf", 10), chosen("b.prm"), chosen("c.pdb", 10)])).toBe("");
    expect(contradiction([chosen("a.psf", 10), chosen("c.pdb", 12)])).toBe("a.psf has 10 atoms, c.pdb has 12 atoms.");
  });
});
