import { describe, expect, it } from "vitest";
import { applyDefaults } from "./defaults";
import { emptyDraft } from "./draft";

const VALUES = {
  "defaults.cluster": "alpine",
  "defaults.template": "npt_production",
  "defaults.partition": "acpu",
  "defaults.cores": 8,
};

describe("defaults of new jobs", () => {
  it("fill a draft that nobody has touched", () => {
    const draft = emptyDraft();
    applyDefaults(draft, VALUES, ["other", "alpine"]);
    expect(draft).toMatchObject({ cluster: "alpine", template: "npt_production" });
    expect(draft.resources).toMatchObject({ partition: "acpu", cores: "8", qos: "" });
  });
  it("leave another cluster's resources and what was entered alone", () => {
    const elsewhere = { ...emptyDraft(), cluster: "other" };
    applyDefaults(elsewhere, VALUES, ["other"]);
    expect(elsewhere.resources.partition).toBe("");
    const begun = { ...emptyDraft(), name: "mine" };
    applyDefaults(begun, VALUES, ["alpine"]);
    expect(begun.resources.partition).toBe("");
  });
});
