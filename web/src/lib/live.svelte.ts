/** The event stream of the server, feeding what was loaded: resumed where it was cut off, or everything loaded anew. */
import type { QueryClient } from "@tanstack/svelte-query";
import { SvelteMap } from "svelte/reactivity";
import { patchEnergies, type EnergiesEvent } from "./job/energies";
import { isFinal, STATES } from "./jobs/state";
import { patchActivity, patchConnection, patchJob, type JobPage } from "./live";
import type {
  Activity,
  ClusterDocument,
  Connection,
  Energies,
  JobSummary,
  Prompt,
  Task,
  TaskProgress,
} from "./api/types";
import { notices } from "./settings/notices.svelte";
import { router } from "./router.svelte";
import { jobPath, place } from "./routes";
import { toasts } from "./toasts.svelte";

export type StreamState = "connecting" | "live" | "lost" | "locked";

const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 15_000;
/** Between two loads of the same; the first after a quiet time is not held back. */
const REFRESH_MS = 300;
const AT_ONCE_MS = 30;
const HIDDEN_MS = 20_000;

class Live {
  state = $state<StreamState>("connecting");
  lostAt = $state(0);
  /** When a cluster was last asked while this page was open, whether or not a job had changed. */
  syncedAt = $state("");
  /** Tasks that run or ended while this page was open, by id. */
  tasks = new SvelteMap<string, Task>();
  /** The connect that ended because the cluster showed another host key, until the person has decided. */
  changedKey = $state<Task | null>(null);
  #client!: QueryClient;
  #source: EventSource | null = null;
  #lastId = "";
  #wait = FIRST_WAIT_MS;
  #stale = new Set<string>();
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshed = -Infinity;

  start(client: QueryClient): void {
    this.#client = client;
    this.#open();
    addEventListener("online", () => this.retry());
    // A browser opens six connections to a server, over all its windows: those nobody looks at give theirs back.
    addEventListener("pagehide", () => this.#pause());
    addEventListener("pageshow", (event) => event.persisted && this.#resume());
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#hidden);
      if (document.visibilityState === "visible") this.#resume();
      else this.#hidden = setTimeout(() => this.#pause(), HIDDEN_MS);
    });
  }

  #pause(): void {
    this.#source?.close();
    this.#source = null;
  }

  #resume(): void {
    if (!this.#source) this.#open();
    else if (this.state === "lost") this.retry();
  }

  retry(): void {
    if (this.state === "live") return;
    this.#wait = FIRST_WAIT_MS;
    this.#open();
  }

  #open(): void {
    this.#source?.close();
    const query = this.#lastId ? `?last_event_id=${this.#lastId}` : "";
    const source = new EventSource(`/api/v1/events${query}`);
    this.#source = source;
    source.onopen = () => {
      const returning = this.state === "lost" || this.state === "locked";
      this.state = "live";
      this.#wait = FIRST_WAIT_MS;
      if (returning || !this.#lastId) void this.#client.invalidateQueries();
    };
    source.onerror = () => this.#failed(source);
    for (const [kind, handle] of Object.entries(this.#handlers)) {
      source.addEventListener(kind, (event) => {
        const message = event as MessageEvent<string>;
        this.#lastId = message.lastEventId || this.#lastId;
        handle(JSON.parse(message.data) as never);
      });
    }
  }

  #failed(source: EventSource): void {
    if (source !== this.#source) return;
    if (this.state !== "lost") this.lostAt = Date.now();
    if (this.state === "live" || this.state === "connecting") this.state = "lost";
    if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
    this.#source = null;
    void this.#look();
  }

  /** Why the stream was refused: the server is gone, or it no longer knows this browser. */
  async #look(): Promise<void> {
    try {
      const answer = await fetch("/api/v1/ping");
      if (answer.status === 401) {
        this.state = "locked";
        return;
      }
      if (!answer.ok) this.state = "lost";
    } catch {
      this.state = "lost";
    }
    setTimeout(() => {
      if (!this.#source) this.#open();
    }, this.#wait);
    this.#wait = Math.min(this.#wait * 2, MAX_WAIT_MS);
  }

  /** Load these anew, soon and once, however many events ask for it. */
  #refresh(...keys: string[]): void {
    for (const key of keys) this.#stale.add(key);
    if (this.#timer) return;
    const wait = Math.max(AT_ONCE_MS, this.#refreshed + REFRESH_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refreshed = performance.now();
      const stale = this.#stale;
      this.#stale = new Set();
      void this.#client.invalidateQueries({
        predicate: ({ queryKey: [noun, id] }) => stale.has(String(noun)) || stale.has(`${noun}/${id}`),
      });
    }, wait);
  }

  readonly #handlers: Record<string, (data: never) => void> = {
    "job.updated": (job: JobSummary) => {
      let known = false;
      let moved = false;
      this.#tellEnd(job);
      this.#client.setQueriesData<JobPage>({ queryKey: ["jobs"] }, (page) => {
        const patched = patchJob(page, job);
        known ||= patched.known;
        moved ||= patched.moved;
        return patched.page;
      });
      this.#refresh(`job/${job.id}`, `job-files/${job.id}`, `job-performance/${job.id}`);
      if (isFinal(job.status)) this.#refresh(`job-energies/${job.id}`);
      if (!known || moved) this.#refresh("jobs", "status");
      notices.job(job);
    },
    "settings.changed": () => this.#refresh("settings"),
    "job.energies": (event: EnergiesEvent) => {
      let stale = false;
      this.#client.setQueriesData<Energies>({ queryKey: ["job-energies", event.id] }, (data) => {
        const patched = patchEnergies(data, event);
        stale ||= patched === null;
        return patched ?? data;
      });
      if (stale) this.#refresh(`job-energies/${event.id}`);
    },
    "job.deleted": ({ id }: { id: string }) => {
      for (const noun of ["job", "job-energies", "job-files"]) this.#stale.delete(`${noun}/${id}`);
      if (place(router.path).params.id === id && place(router.path).page === "job")
        router.go("/jobs", { replace: true });
      this.#refresh("jobs", "status");
    },
    "cluster.updated": () => this.#refresh("clusters"),
    "cluster.synced": () => {
      this.syncedAt = new Date().toISOString();
      this.#refresh("jobs", "status");
    },
    "cluster.sync-failed": () => this.#refresh("jobs", "clusters"),
    "connection.changed": (connection: Connection) => {
      this.#client.setQueryData<ClusterDocument[]>(["clusters"], (clusters) => patchConnection(clusters, connection));
      this.#refresh("clusters", "job-files");
    },
    "prompt.needed": (prompt: Prompt) =>
      this.#client.setQueryData<Prompt[]>(["prompts"], (prompts = []) =>
        prompts.some((p) => p.id === prompt.id) ? prompts : [...prompts, prompt],
      ),
    "prompt.closed": (closed: { id: string }) =>
      this.#client.setQueryData<Prompt[]>(["prompts"], (prompts = []) => prompts.filter((p) => p.id !== closed.id)),
    "task.updated": (task: Task) => this.note(task),
    "transfer.progress": (progress: TaskProgress & { task: string }) => {
      const task = this.tasks.get(progress.task);
      if (task) this.tasks.set(task.id, { ...task, progress });
    },
    "log.line": (entry: Activity) =>
      this.#client.setQueryData<Activity[]>(["activity"], (entries) => patchActivity(entries, entry)),
    reset: () => void this.#client.invalidateQueries(),
  };

  /** A job that ended while the person was elsewhere. */
  #tellEnd(job: JobSummary): void {
    if (!isFinal(job.status) || job.status === "CANCELLED") return;
    const pages = this.#client.getQueriesData<JobPage>({ queryKey: ["jobs"] });
    const before = pages.flatMap(([, page]) => page?.jobs ?? []).find(({ id }) => id === job.id);
    const { page, params } = place(router.path);
    if (!before || isFinal(before.status) || page === "jobs" || (page === "job" && params.id === job.id)) return;
    const tone = job.status === "COMPLETED" ? "ok" : "error";
    toasts.show(tone, `${job.name}: ${STATES[job.status].label}`, { remedy: job.reason, href: jobPath(job.id) });
  }

  /** Keep what is known of a task; its failure is said wherever the person is. */
  note(task: Task): void {
    const before = this.tasks.get(task.id);
    this.tasks.set(task.id, task);
    if (task.state === "failed" && before?.state !== "failed" && task.error) {
      if (task.error.code === "host-key-changed" && task.cluster) this.changedKey = task;
      else toasts.show("error", task.error.message, { remedy: task.error.remedy });
    }
  }
}

export const live = new Live();
