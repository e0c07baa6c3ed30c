import createClient from "openapi-fetch";
import type { paths } from "./schema";

export const api = createClient<paths>({ baseUrl: "" });

/** What the server refused, in its own words: code, sentence, remedy, and whether trying again can help. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly remedy = "",
    readonly retryable = false,
    readonly status = 0,
    readonly context: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The document of a reply. Throws ApiError, also when the server could not be reached. */
export async function ask<T>(reply: Promise<Reply<T>>): Promise<T> {
  let answer: Reply<T>;
  try {
    answer = await reply;
  } catch {
    throw unreachable();
  }
  if (!answer.response.ok || answer.data === undefined) throw problem(answer.error, answer.response.status);
  return answer.data;
}

export function unreachable(): ApiError {
  return new ApiError(
    "server-unreachable",
    "The NAMDRunner server does not answer.",
    "Start it again with the command namdrunner. Jobs on the clusters go on without it.",
    true,
  );
}

/** An ApiError from a problem document, or from whatever came instead of one. */
export function problem(body: unknown, status: number): ApiError {
  const found = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (key: string) => (typeof found[key] === "string" ? (found[key] as string) : "");
  return new ApiError(
    text("code") || `http-${status}`,
    text("message") || text("detail") || `The server answered with status ${status}.`,
    text("remedy"),
    found.retryable === true,
    status,
    (found.context as Record<string, unknown> | undefined) ?? {},
  );
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError("unexpected", error instanceof Error ? error.message : String(error));
}
