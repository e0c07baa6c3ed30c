import { toApiError } from "./api/client";

export interface Toast {
  id: number;
  tone: "ok" | "error" | "info";
  text: string;
  remedy: string;
  href: string;
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  show(tone: Toast["tone"], text: string, more: { remedy?: string; href?: string } = {}): void {
    const id = this.#next++;
    this.list = [...this.list.slice(-3), { id, tone, text, remedy: more.remedy ?? "", href: more.href ?? "" }];
    if (tone !== "error") setTimeout(() => this.close(id), 6000);
  }

  error(error: unknown): void {
    const { message, remedy } = toApiError(error);
    this.show("error", message, { remedy });
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
