/** Files on their way from this browser to the server on this computer: progress, cancelling, going on where one broke off. */
import { api, ask, problem, toApiError, unreachable, ApiError } from "$lib/api/client";
import type { FileFacts, Upload as Staged } from "$lib/api/types";
import type { ChosenFile } from "./draft";
import type { Incoming } from "./dropped";

const AT_ONCE = 2;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 8000;
/** So often without a byte getting through, then the person is asked. */
const TRIES = 6;

export interface Upload {
  id: string;
  name: string;
  bytes: number;
  sent: number;
  /** `broken`: the connection broke off; it goes on by itself. */
  state: "waiting" | "sending" | "broken" | "failed";
  /** What the server calls the part that is there. */
  part: string;
  error: ApiError | null;
  variable: string;
  incoming: Incoming;
}

interface Options {
  /** For which variable, by file. */
  variables?: string[];
  /** The files belong together: they keep their relative paths in one folder. */
  together?: boolean;
  /** The upload that has the folder's other files already. */
  into?: string;
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

  add(incoming: Incoming[], { variables = [], together = false, into = "", done }: Options): void {
    const folder = together ? { into } : null;
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
        part: "",
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
    Object.assign(upload, { state: "waiting", error: null });
    this.#pump();
  }

  cancel(id: string): void {
    const part = this.list.find((one) => one.id === id)?.part;
    this.#forget(id);
    this.#requests.get(id)?.abort();
    this.#requests.delete(id);
    if (part) void forgetPart(part);
    this.#pump();
  }

  cancelAll(): void {
    for (const { id } of [...this.list]) this.cancel(id);
  }

  #pump(): void {
    // Files of one folder go one after another: the first one makes the folder.
    const busy = this.list.filter((u) => u.state === "sending" || u.state === "broken");
    const folders = new Set(busy.map((u) => this.#together.get(u.id)));
    let running = busy.length;
    for (const upload of this.list) {
      if (running >= AT_ONCE) return;
      const folder = this.#together.get(upload.id);
      if (upload.state !== "waiting" || (folder && folders.has(folder))) continue;
      if (folder) folders.add(folder);
      running += 1;
      upload.state = "sending";
      void this.#send(upload);
    }
  }

  async #send(upload: Upload): Promise<void> {
    const folder = this.#together.get(upload.id);
    try {
      const staged = await this.#whole(upload, folder?.into ?? "");
      if (!staged) return;
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
      Object.assign(upload, { state: "failed", error: toApiError(reason) });
    } finally {
      this.#requests.delete(upload.id);
      this.#pump();
    }
  }

  /** Send what the server does not have, however often the connection breaks; nothing when it was cancelled. */
  async #whole(upload: Upload, into: string): Promise<Staged | null> {
    const { file } = upload.incoming;
    const about = { name: upload.name, bytes: file.size, modified_ms: Math.max(0, file.lastModified), into };
    let best = -1;
    for (let tries = 0; this.#wanted(upload);) {
      try {
        const part = await ask(api.POST("/api/v1/uploads/incoming", { body: about }));
        Object.assign(upload, { part: part.id, sent: part.received, state: "sending" });
        if (part.received > best) [best, tries] = [part.received, 0];
        if (part.received < file.size) await this.#append(upload, part.received);
        if (!this.#wanted(upload)) break;
        const where = { params: { path: { incoming_id: part.id } } };
        return await ask(api.POST("/api/v1/uploads/incoming/{incoming_id}/finish", where));
      } catch (reason) {
        if (!this.#wanted(upload)) break;
        if (!passing(reason) || ++tries >= TRIES) throw reason;
        upload.state = "broken";
        await new Promise((resolve) => setTimeout(resolve, Math.min(FIRST_WAIT_MS * 2 ** tries, MAX_WAIT_MS)));
      }
    }
    return null;
  }

  #append(upload: Upload, offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#requests.set(upload.id, request);
      request.open("PATCH", `/api/v1/uploads/incoming/${upload.part}?offset=${offset}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = (event) => (upload.sent = offset + event.loaded);
      request.onload = () => {
        if (request.status === 200) resolve();
        else reject(problem(request.response, request.status));
      };
      request.onerror = request.onabort = () => reject(unreachable());
      request.send(upload.incoming.file.slice(offset));
    });
  }

  #wanted(upload: Upload): boolean {
    return this.list.some((one) => one.id === upload.id);
  }

  #forget(id: string): void {
    this.#done.delete(id);
    this.#together.delete(id);
    this.list = this.list.filter((upload) => upload.id !== id);
  }
}

/** The connection broke, or the server counted otherwise: asking again tells where to go on. */
export function passing(reason: unknown): boolean {
  return reason instanceof ApiError && (reason.status === 0 || reason.retryable);
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

/** Throw the beginning of a file away. */
export async function forgetPart(id: string): Promise<void> {
  await ask(api.DELETE("/api/v1/uploads/incoming/{incoming_id}", { params: { path: { incoming_id: id } } })).catch(
    () => null,
  );
}
