/** Files on their way from this browser to the server on this computer: progress, cancelling, trying again. */
import { api, ask, problem, toApiError, unreachable, type ApiError } from "$lib/api/client";
import type { FileFacts, Upload as Staged } from "$lib/api/types";
import type { ChosenFile } from "./draft";
import type { Incoming } from "./dropped";

const AT_ONCE = 2;

export interface Upload {
  id: string;
  name: string;
  bytes: number;
  sent: number;
  state: "waiting" | "sending" | "failed";
  error: ApiError | null;
  variable: string;
  incoming: Incoming;
}

interface Options {
  /** For which variable, by file. */
  variables?: string[];
  /** The files belong together: they keep their relative paths in one folder. */
  together?: boolean;
  done: (file: ChosenFile) => void;
}

let next = 1;

export class Uploads {
  list = $state<Upload[]>([]);
  #requests = new Map<string, XMLHttpRequest>();
  #done = new Map<string, Options["done"]>();
  #together = new Map<string, { into: string }>();

  get busy(): boolean {
    return this.list.some((upload) => upload.state !== "failed");
  }

  add(incoming: Incoming[], { variables = [], together = false, done }: Options): void {
    const folder = together ? { into: "" } : null;
    incoming.forEach((item, index) => {
      const id = `u${next++}`;
      const name = together ? item.path : item.file.name;
      const variable = variables[index] ?? "";
      this.list.push({
        id,
        name,
        bytes: item.file.size,
        sent: 0,
        state: "waiting",
        error: null,
        variable,
        incoming: item,
      });
      this.#done.set(id, done);
      if (folder) this.#together.set(id, folder);
    });
    this.#pump();
  }

  retry(id: string): void {
    const upload = this.list.find((one) => one.id === id);
    if (!upload) return;
    Object.assign(upload, { state: "waiting", sent: 0, error: null });
    this.#pump();
  }

  cancel(id: string): void {
    this.#requests.get(id)?.abort();
    this.#forget(id);
    this.#pump();
  }

  cancelAll(): void {
    for (const { id } of [...this.list]) this.cancel(id);
  }

  #pump(): void {
    // Files of one folder go one after another: the first one makes the folder.
    const folders = new Set(this.list.filter((u) => u.state === "sending").map((u) => this.#together.get(u.id)));
    for (const upload of this.list) {
      if (this.list.filter((one) => one.state === "sending").length >= AT_ONCE) return;
      const folder = this.#together.get(upload.id);
      if (upload.state !== "waiting" || (folder && folders.has(folder))) continue;
      if (folder) folders.add(folder);
      upload.state = "sending";
      void this.#send(upload);
    }
  }

  async #send(upload: Upload): Promise<void> {
    const folder = this.#together.get(upload.id);
    try {
      const staged = await this.#post(upload, folder?.into ?? "");
      if (folder) folder.into = staged.id;
      const file: ChosenFile = {
        id: upload.id + staged.id,
        name: upload.name,
        path: staged.path,
        bytes: staged.bytes,
        variable: upload.variable,
        upload: staged.id,
      };
      if (!folder) file.facts = await inspect(staged.path).catch(() => undefined);
      this.#done.get(upload.id)?.(file);
      this.#forget(upload.id);
    } catch (reason) {
      const live = this.list.find((one) => one.id === upload.id);
      if (live) Object.assign(live, { state: "failed", error: toApiError(reason) });
    }
    this.#pump();
  }

  #post(upload: Upload, into: string): Promise<Staged> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#requests.set(upload.id, request);
      const query = new URLSearchParams({ name: upload.name, ...(into && { into }) });
      request.open("POST", `/api/v1/uploads?${query}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = (event) => {
        const live = this.list.find((one) => one.id === upload.id);
        if (live) live.sent = event.loaded;
      };
      request.onload = () => {
        if (request.status === 201) resolve(request.response as Staged);
        else reject(problem(request.response, request.status));
      };
      request.onerror = request.onabort = () => reject(unreachable());
      request.send(upload.incoming.file);
    });
  }

  #forget(id: string): void {
    this.#requests.delete(id);
    this.#done.delete(id);
    this.#together.delete(id);
    this.list = this.list.filter((upload) => upload.id !== id);
  }
}

export const uploads = new Uploads();

export const inspect = (path: string): Promise<FileFacts> => ask(api.POST("/api/v1/files/inspect", { body: { path } }));

/** Throw an upload of this page away; files named by their path stay where they are. */
export async function discard(file: ChosenFile): Promise<void> {
  if (!file.upload) return;
  await ask(api.DELETE("/api/v1/uploads/{upload_id}", { params: { path: { upload_id: file.upload } } })).catch(
    () => null,
  );
}
