import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "$lib/api/client";
import { passing, Uploads } from "./uploads.svelte";

interface Part {
  name: string;
  bytes: number;
  data: string;
}

/** A server that keeps parts and cuts every request after `cut` bytes. */
class Server {
  parts = new Map<string, Part>();
  dropped: string[] = [];
  cut = Infinity;

  async post(path: string, { body }: { body: Part }) {
    const response = new Response();
    if (path === "/api/v1/uploads/incoming") {
      const part = this.parts.get(body.name) ?? { ...body, data: "" };
      this.parts.set(body.name, part);
      return { data: { ...body, id: body.name, received: part.data.length }, response };
    }
    return { data: { id: "done", path: "/staged", bytes: 10 }, response };
  }
}

const server = vi.hoisted(() => ({ current: null as unknown as Server }));
vi.mock(import("$lib/api/client"), async (original) => ({
  ...(await original()),
  api: {
    POST: (path: string, options: { body: Part }) => server.current.post(path, options),
    DELETE: async (_: string, options: { params: { path: { incoming_id: string } } }) => {
      server.current.dropped.push(options.params.path.incoming_id);
      return { data: {}, response: new Response() };
    },
  } as never,
}));

function fakeRequest() {
  return class {
    upload: { onprogress?: (event: { loaded: number }) => void } = {};
    onload = () => {};
    onerror = () => {};
    onabort = () => {};
    status = 0;
    response: unknown = null;
    responseType = "";
    #url = "";
    open(_: string, url: string) {
      this.#url = url;
    }
    setRequestHeader() {}
    abort() {
      this.onabort();
    }
    async send(body: Blob) {
      const [, id = "", offset = ""] = /incoming\/([^?]+)\?offset=(\d+)/.exec(this.#url) ?? [];
      const part = server.current.parts.get(id)!;
      expect(Number(offset)).toBe(part.data.length);
      const text = (await body.text()).slice(0, server.current.cut);
      part.data += text;
      this.upload.onprogress?.({ loaded: text.length });
      if (part.data.length < part.bytes) return this.onerror();
      this.status = 200;
      this.onload();
    }
  };
}

const file = (text: string) => ({ file: new File([text], "a.dcd", { lastModified: 17 }), path: "a.dcd" });

beforeEach(() => {
  vi.useFakeTimers();
  server.current = new Server();
  vi.stubGlobal("XMLHttpRequest", fakeRequest());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an upload", () => {
  it("goes on where the connection broke, as often as it breaks", async () => {
    server.current.cut = 3;
    const uploads = new Uploads();
    const done = vi.fn();
    uploads.add([file("0123456789")], { done });
    await vi.runAllTimersAsync();
    expect(server.current.parts.get("a.dcd")?.data).toBe("0123456789");
    expect(done).toHaveBeenCalledOnce();
    expect(uploads.list).toEqual([]);
  });

  it("asks the person when nothing gets through, and keeps what arrived", async () => {
    const uploads = new Uploads();
    server.current.cut = 4;
    uploads.add([file("0123456789")], { done: vi.fn() });
    await vi.advanceTimersByTimeAsync(0);
    server.current.cut = 0;
    await vi.runAllTimersAsync();
    expect(uploads.list[0]?.state).toBe("failed");
    server.current.cut = Infinity;
    uploads.retry(uploads.list[0]!.id);
    await vi.runAllTimersAsync();
    expect(server.current.parts.get("a.dcd")?.data).toBe("0123456789");
    expect(uploads.list).toEqual([]);
  });

  it("is forgotten on the server when it is cancelled", async () => {
    const uploads = new Uploads();
    server.current.cut = 0;
    uploads.add([file("0123456789")], { done: vi.fn() });
    await vi.advanceTimersByTimeAsync(100);
    uploads.cancel(uploads.list[0]!.id);
    await vi.runAllTimersAsync();
    expect(server.current.dropped).toEqual(["a.dcd"]);
    expect(uploads.list).toEqual([]);
  });

  it("does not go on after a refusal", () => {
    expect(passing(new ApiError("server-unreachable", "", "", true))).toBe(true);
    expect(passing(new ApiError("upload-offset", "", "", true, 409))).toBe(true);
    expect(passing(new ApiError("local-disk-full", "", "", false, 400))).toBe(false);
    expect(passing(new Error("x"))).toBe(false);
  });
});
