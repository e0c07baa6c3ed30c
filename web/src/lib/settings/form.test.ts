import { describe, expect, it } from "vitest";
import { changesOf, rangeOf, shownValue, type Setting } from "./form";

const setting = (over: Partial<Setting>): Setting => ({
  key: "limits.burst",
  type: "integer",
  label: "Burst",
  help: "",
  default: 10,
  minimum: 1,
  maximum: 100,
  unit: "",
  choices: [],
  value: 10,
  set: false,
  ...over,
});

describe("the form of the settings", () => {
  it("shows what was set, and nothing for a default", () => {
    expect(shownValue(setting({}))).toBe("");
    expect(shownValue(setting({ set: true, value: 5 }))).toBe("5");
  });
  it("sends what differs; an emptied field goes back to the default", () => {
    const burst = setting({ set: true, value: 5 });
    const desktop = setting({ key: "notifications.desktop", type: "boolean", value: false });
    expect(changesOf([burst, desktop], {})).toEqual({});
    expect(changesOf([burst, desktop], { "limits.burst": "5", "notifications.desktop": false })).toEqual({});
    expect(changesOf([burst, desktop], { "limits.burst": " 7 ", "notifications.desktop": true })).toEqual({
      "limits.burst": "7",
      "notifications.desktop": true,
    });
    expect(changesOf([burst], { "limits.burst": "" })).toEqual({ "limits.burst": null });
  });
  it("says the range and the default", () => {
    expect(rangeOf(setting({ unit: "s" }))).toBe("1 to 100 s, default 10");
    expect(rangeOf(setting({ minimum: null, maximum: null, default: null }))).toBe("");
  });
});
