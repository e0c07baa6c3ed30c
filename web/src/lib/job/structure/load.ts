/** Atoms and frames as bytes, with progress, and stopped when nobody waits for them any more. */
import { problem, unreachable } from "$lib/api/client";
import type { Selection } from "./frames";

const base = (job: string) => `/api/v1/jobs/${encodeURIComponent(job)}/structure`;

export const topologyUrl = (job: string, selection: Selection) => `${base(job)}/topology?selection=${selection}`;

export const framesUrl = (job: string, name: string, stride: number, selection: Selection) =>
  `${base(job)}/frames?name=${encodeURIComponent(name)}&stride=${stride}&selection=${selection}`;

/** The whole answer; `progress` is told how much of it is there. Throws ApiError, or AbortError. */
export async function bytesOf(
  url: string,
  signal: AbortSignal,
  progress: (loaded: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(url, { signal }).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable();
  });
  if (!answer.ok) throw problem(await answer.json().catch(() => null), answer.status);
  const size = Number(answer.headers.get("content-length"));
  const parts: Uint8Array[] = [];
  let loaded = 0;
  try {
    const reader = answer.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      parts.push(part.value);
      loaded += part.value.length;
      progress(loaded);
    }
  } catch (error) {
    if (signal.aborted) throw error;
  }
  if (loaded !== size) throw cutShort();
  return joined(parts, loaded);
}

const cutShort = () =>
  problem(
    {
      code: "frames-cut-short",
      message: "The frames did not arrive whole: the connection to the cluster was lost, or the file was changed.",
      remedy: "Load them again.",
      retryable: true,
    },
    0,
  );

function joined(parts: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
