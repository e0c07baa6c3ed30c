/** Addresses are real: every page has one, the back button works, links can be opened in another tab. */

class Router {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  go(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
    if (to === location.pathname + location.search) return;
    history[options.replace ? "replaceState" : "pushState"](null, "", to);
    this.read();
  }

  /** Change parts of the query; empty values are left out. */
  setQuery(changes: Record<string, string>): void {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(changes)) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    const text = query.toString();
    this.go(location.pathname + (text ? `?${text}` : ""), { replace: true });
  }

  read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  /** Follow plain clicks on links of ours without loading the page anew. */
  listen(): void {
    addEventListener("popstate", () => this.read());
    document.addEventListener("click", (event) => {
      if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const link = (event.target as Element | null)?.closest?.("a");
      if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
      if (link.pathname.startsWith("/api/") || link.pathname === "/open") return;
      event.preventDefault();
      this.go(link.pathname + link.search);
    });
  }
}

export const router = new Router();
