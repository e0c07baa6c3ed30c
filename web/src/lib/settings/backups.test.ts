import { expect, it } from "vitest";
import { backupMoment } from "./backups";

it("reads when a backup was made", () => {
  expect(backupMoment("/x/namdrunner-20261122T225301.123456Z.sqlite")).toBe("2026-11-22T22:53:01Z");
  expect(backupMoment("/x/before the update.sqlite")).toBeNull();
});
