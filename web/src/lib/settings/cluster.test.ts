import { describe, expect, it } from "vitest";
import { changesOf, filled, type ClusterFields } from "./cluster";

const FIELDS: ClusterFields = {
  name: "alpine",
  host: "login.example.edu",
  port: "",
  user: "ralphie",
  identity_file: "",
  profile: "alpine",
  project_root: "/projects/$USER",
  scratch_root: "",
};

describe("the form of a cluster", () => {
  it("leaves what is empty to the defaults when one is added", () => {
    expect(filled({ ...FIELDS, host: " login.example.edu " })).toMatchObject({
      host: "login.example.edu",
      port: undefined,
    });
  });
  it("sends only what was changed", () => {
    expect(changesOf(FIELDS, { ...FIELDS })).toEqual({});
    expect(changesOf(FIELDS, { ...FIELDS, port: "2222", host: "other.edu" })).toEqual({
      port: 2222,
      host: "other.edu",
    });
  });
  it("takes emptied fields back to their defaults", () => {
    expect(changesOf(FIELDS, { ...FIELDS, user: "", project_root: "" })).toEqual({ user: null, project_root: "" });
  });
});
