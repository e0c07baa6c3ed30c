import { describe, expect, it } from "vitest";
import type { Activity, ClusterDocument, Connection, JobSummary } from "./api/types";
import { patchActivity, patchConnection, patchJob } from "./live";

const job = (id: string, status = "RUNNING") => ({ id, status, name: id }) as JobSummary;

describe("an event about a job", () => {
  it("replaces its row and leaves the others alone", () => {
    const page = { jobs: [job("a"), job("b")], total: 2 };
    const patched = patchJob(page, { ...job("b"), name: "new" });
    expect(patched.page?.jobs.map((row) => row.name)).toEqual(["a", "new"]);
    expect(patched.page?.jobs[0]).toBe(page.jobs[0]);
    expect(patched).toMatchObject({ known: true, moved: false });
  });

  it("says when the list may have to be sorted anew, or does not have the job", () => {
    const page = { jobs: [job("a")], total: 1 };
    expect(patchJob(page, job("a", "COMPLETED"))).toMatchObject({ known: true, moved: true });
    expect(patchJob(page, job("z"))).toEqual({ page, known: false, moved: false });
    expect(patchJob(undefined, job("z")).page).toBeUndefined();
  });
});

it("a connection changes only its own cluster", () => {
  const clusters = [
    { name: "a", state: "disconnected" },
    { name: "b", state: "disconnected" },
  ] as ClusterDocument[];
  const patched = patchConnection(clusters, {
    cluster: "b",
    state: "connected",
    since: null,
    reason: "",
  } as Connection);
  expect(patched?.map((cluster) => cluster.state)).toEqual(["disconnected", "connected"]);
});

it("keeps the newest lines of the log", () => {
  const line = (what: string) => ({ what }) as Activity;
  const full = Array.from({ length: 2000 }, (_, i) => line(String(i)));
  const patched = patchActivity(full, line("last"));
  expect(patched).toHaveLength(2000);
  expect(patched?.at(-1)?.what).toBe("last");
  expect(patched?.[0]?.what).toBe("1");
});
