/** Connecting and disconnecting, from wherever a person asks for it. */
import { api, ask } from "./api/client";
import type { ClusterDocument } from "./api/types";
import { live } from "./live.svelte";
import { toasts } from "./toasts.svelte";

const path = (name: string) => ({ params: { path: { name } } });

export async function connect(name: string): Promise<void> {
  try {
    live.note(await ask(api.POST("/api/v1/clusters/{name}/connect", path(name))));
  } catch (error) {
    toasts.error(error);
  }
}

export async function disconnect(name: string): Promise<void> {
  try {
    await ask(api.POST("/api/v1/clusters/{name}/disconnect", path(name)));
  } catch (error) {
    toasts.error(error);
  }
}

export const STATE_WORDS: Record<ClusterDocument["state"], string> = {
  disconnected: "not connected",
  connecting: "connecting",
  connected: "connected",
  expired: "expired",
};

export const address = (cluster: Pick<ClusterDocument, "host" | "user" | "port">) =>
  `${cluster.user ? `${cluster.user}@` : ""}${cluster.host}${cluster.port && cluster.port !== 22 ? `:${cluster.port}` : ""}`;
