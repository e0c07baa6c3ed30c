import { describe, expect, it } from "vitest";
import type { JobDocument } from "$lib/api/types";
import {
  cellText,
  duplicated,
  emptyDraft,
  isUntouched,
  memoryText,
  parseDraft,
  requestOf,
  suggestedName,
} from "./draft";
import { variable } from "./sample";

const VARIABLES = [
  variable("structure_file", { type: "file", extensions: [".psf"] }),
  variable("temperature", { default: 300 }),
  variable("cell", { type: "cell" }),
];

describe("drafts", () => {
  it("are what was stored", () => {
    const draft = { ...emptyDraft(), name: "ubiquitin", values: { temperature: "310" } };
    expect(parseDraft(JSON.stringify(draft))).toEqual(draft);
  });
  it.each([null, "", "{", "[]", "5", '{"version":2}', '{"version":1,"name":7}', '{"version":1,"files":{}}'])(
    "are not made of %s",
    (text) => expect(parseDraft(text)).toBeNull(),
  );
  it("know whether anything was entered", () => {
    expect(isUntouched(emptyDraft())).toBe(true);
    expect(isUntouched({ ...emptyDraft(), cluster: "alpine" })).toBe(true);
    expect(isUntouched({ ...emptyDraft(), name: "x" })).toBe(false);
  });
});

describe("the request", () => {
  it("leaves empty fields and unknown variables out", () => {
    const draft = emptyDraft();
    Object.assign(draft, { name: " ubi ", cluster: "alpine", template: "npt", preset: "small" });
    draft.values = { temperature: "310", cell: "", gone: "1" };
    draft.resources.cores = "8";
    draft.files = [
      { id: "1", name: "a.psf", path: "/x/a.psf", bytes: 1, variable: "structure_file", upload: "" },
      { id: "2", name: "b.txt", path: "/x/b.txt", bytes: 1, variable: "", upload: "" },
    ];
    expect(requestOf(draft, VARIABLES)).toMatchObject({
      name: "ubi",
      template: "npt",
      preset: "small",
      values: { temperature: "310" },
      files: { structure_file: ["/x/a.psf"] },
      resources: { cores: 8, walltime: undefined },
    });
  });
  it("says what happens at the end of the walltime", () => {
    const draft = emptyDraft();
    expect("clean_stop" in requestOf(draft, [])).toBe(false);
    expect(requestOf({ ...draft, cleanStop: false }, []).clean_stop).toBe(false);
    const going = requestOf({ ...draft, cleanStop: false, segments: "5", mostUnits: "200" }, []);
    expect(going).toMatchObject({ max_segments: 5, max_su: 200 });
    expect("clean_stop" in going).toBe(false);
  });
  it("is of a config or of a template, not both", () => {
    const draft = { ...emptyDraft(), source: "config" as const, config: "/x/prod.namd", template: "npt" };
    const request = requestOf(draft, VARIABLES);
    expect(request.config).toBe("/x/prod.namd");
    expect("template" in request).toBe(false);
  });
});

describe("a job once more", () => {
  const job = {
    name: "ubi",
    cluster: "alpine",
    template: "npt",
    values: { structure_file: "/x/a.psf", temperature: 310, cell: { a: [60, 0, 0], b: [0, 61, 0], c: [0, 0, 62] } },
    resources: { cores: 8, walltime_s: 90000, memory_bytes: 16 * 1024 ** 3, gpus: { type: "a100", count: 2 } },
    inputs: [{ name: "a.psf", bytes: 77, sha256: "", role: "structure", source: "/x/a.psf" }],
  } as unknown as JobDocument;

  it("has its values, files and resources", () => {
    const draft = duplicated(job, VARIABLES);
    expect(draft.name).toBe("ubi (copy)");
    expect(draft.values).toEqual({ temperature: 310, cell: "60 61 62" });
    expect(draft.files).toMatchObject([{ name: "a.psf", path: "/x/a.psf", bytes: 77, variable: "structure_file" }]);
    expect(draft.resources).toMatchObject({ cores: "8", walltime: "1-01:00:00", memory: "16GB", gpus: "a100:2" });
  });
});

describe("words", () => {
  it("of memory", () => expect([memoryText(2 ** 34), memoryText(3800 * 2 ** 20)]).toEqual(["16GB", "3800MB"]));
  it("of cells that are not straight", () => {
    expect(cellText({ a: [60, 0, 0], b: [10, 60, 0], c: [0, 0, 60], origin: [1, 2, 3] })).toBe(
      "60 0 0 10 60 0 0 0 60 1 2 3",
    );
  });
  it("of names", () => expect(suggestedName("/x/ubiquitin_wb-2.psf")).toBe("ubiquitin wb 2"));

  it("finds the config of one's own where it lay beside its files", () => {
    const inputs: NonNullable<JobDocument["inputs"]> = [
      { name: "files_from_elsewhere/b.prm", source: "/library/b.prm", bytes: 1, sha256: "", role: "" },
      { name: "toppar/a.psf", source: "/home/me/run/toppar/a.psf", bytes: 1, sha256: "", role: "" },
    ];
    const job = { name: "ubi", inputs, run: { config: "step5/prod.namd" } } as unknown as JobDocument;
    expect(duplicated(job, []).config).toBe("/home/me/run/step5/prod.namd");
    expect(duplicated({ ...job, inputs: inputs.slice(0, 1) }, []).config).toBe("");
  });
});
