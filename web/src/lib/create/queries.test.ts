import { describe, expect, it } from "vitest";
import { withStandIns } from "./queries";
import { variable } from "./sample";

const VARIABLES = [
  variable("structure_file", { type: "file", extensions: [".psf"], required: true }),
  variable("coordinates_file", { type: "file", extensions: [".pdb"], required: true }),
  variable("cell", { type: "cell", unless: "xsc_file" }),
  variable("xsc_file", { type: "file", extensions: [".xsc"], optional: true }),
  variable("copies", { type: "integer", required: true, minimum: 3 }),
];

describe("stand-ins", () => {
  it("make a config that can be shown before anything is given", () => {
    expect(withStandIns(VARIABLES, {}, {})).toEqual({
      values: { copies: 3, cell: "1 1 1" },
      files: { structure_file: ["structure_file.psf"], coordinates_file: ["coordinates_file.pdb"] },
    });
  });
  it("never stand for what is given or can be read", () => {
    const files = { structure_file: ["/x/a.psf"], coordinates_file: ["/x/a.pdb"] };
    expect(withStandIns(VARIABLES, { copies: "5" }, files)).toEqual({ values: { copies: "5" }, files });
    const given = { ...files, coordinates_file: ["/x/a.pdb"], xsc_file: ["/x/a.xsc"] };
    expect(withStandIns(VARIABLES, { copies: "5" }, given).values).toEqual({ copies: "5" });
  });
});
