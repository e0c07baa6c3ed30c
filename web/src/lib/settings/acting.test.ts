import { describe, expect, it } from "vitest";
import type { JobSummary } from "$lib/api/types";
import { isNews, noticeOf } from "./acting";

const job = (status: string, ended_at = "2026-11-22T10:00:00Z") =>
  ({ id: "a_1", name: "Ubiquitin", status, ended_at }) as JobSummary;

describe("a job that ended", () => {
  it("is told as the settings say", () => {
    expect(noticeOf(job("RUNNING"), {})).toBeNull();
    expect(noticeOf(job("COMPLETED"), {})).toMatchObject({ tone: "ok", text: "Ubiquitin completed.", desktop: false });
    expect(noticeOf(job("COMPLETED"), { "notifications.completed": false })).toBeNull();
    expect(noticeOf(job("OUT_OF_MEMORY"), { "notifications.desktop": true })).toMatchObject({
      tone: "error",
      text: "Ubiquitin ended: out of memory.",
      desktop: true,
    });
    expect(noticeOf(job("FAILED"), { "notifications.failed": false })).toBeNull();
  });
  it("was cancelled by the person, who knows", () => expect(noticeOf(job("CANCELLED"), {})).toBeNull());
  it("is news for an hour", () => {
    expect(isNews(job("FAILED"), Date.parse("2026-11-22T10:59:00Z"))).toBe(true);
    expect(isNews(job("FAILED"), Date.parse("2026-11-22T11:01:00Z"))).toBe(false);
    expect(isNews(job("FAILED", ""), 0)).toBe(false);
  });
});
