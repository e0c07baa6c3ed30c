/** Says of jobs that ended while the page was open, in it and on the desktop. */
import type { JobSummary } from "$lib/api/types";
import { router } from "$lib/router.svelte";
import { toasts } from "$lib/toasts.svelte";
import { isNews, noticeOf, type Values } from "./acting";

class Notices {
  values: Values = {};
  #told = new Set<string>();

  job(job: JobSummary): void {
    const notice = noticeOf(job, this.values);
    if (!notice || this.#told.has(job.id) || !isNews(job, Date.now())) return;
    this.#told.add(job.id);
    const { tone, text, remedy, href } = notice;
    if (!router.path.startsWith(href)) toasts.show(tone, text, { remedy, href });
    if (notice.desktop && "Notification" in globalThis && Notification.permission === "granted") {
      new Notification("NAMDRunner", { body: text, tag: job.id });
    }
  }
}

export const notices = new Notices();
