/** The draft of this browser: kept over reloads, shared by its tabs, written by one of them at a time. */
import { emptyDraft, isUntouched, parseDraft, type Draft } from "./draft";

const KEY = "namdrunner.draft";
const BEFORE = "namdrunner.draft.before";
const SAVE_MS = 250;

/** The draft without what changes by saving it. */
const essence = (draft: Draft) => JSON.stringify({ ...draft, changed: 0, writer: "" });

function read(key: string): Draft | null {
  try {
    return parseDraft(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key: string, draft: Draft): void {
  try {
    localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // Without storage the draft lasts as long as the page does.
  }
}

class DraftStore {
  readonly tab = Math.random().toString(36).slice(2);
  draft = $state<Draft>(read(KEY) ?? emptyDraft());
  /** Another tab wrote the draft after this one did; nothing is saved here until the person has chosen. */
  conflict = $state(false);
  /** A draft that was set aside when this one was begun. */
  hasBefore = $state(read(BEFORE) !== null);
  #saved = essence(this.draft);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Save what changes, and notice other tabs, until the returned function is called. */
  watch(): () => void {
    const stop = $effect.root(() => {
      $effect(() => {
        const now = essence(this.draft);
        if (now === this.#saved || this.conflict) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.save(), SAVE_MS);
      });
    });
    const noticed = (event: StorageEvent) => {
      if (event.key !== KEY) return;
      const theirs = parseDraft(event.newValue);
      if (theirs && theirs.writer !== this.tab && essence(theirs) !== essence(this.draft)) this.conflict = true;
    };
    addEventListener("storage", noticed);
    return () => {
      removeEventListener("storage", noticed);
      if (!this.conflict) this.save();
      stop();
    };
  }

  save(): void {
    clearTimeout(this.#timer);
    const now = essence(this.draft);
    if (now === this.#saved) return;
    this.#saved = now;
    write(KEY, { ...$state.snapshot(this.draft), changed: Date.now(), writer: this.tab });
  }

  takeTheirs(): void {
    this.#replace(read(KEY) ?? emptyDraft());
  }

  keepMine(): void {
    this.conflict = false;
    this.#saved = "";
    this.save();
  }

  /** Begin with `draft`; what was entered before is set aside and can be taken back. */
  begin(draft: Draft): void {
    if (!isUntouched(this.draft)) {
      write(BEFORE, $state.snapshot(this.draft));
      this.hasBefore = true;
    }
    this.draft = draft;
  }

  takeBack(): void {
    const before = read(BEFORE);
    this.dropBefore();
    if (before) this.draft = before;
  }

  dropBefore(): void {
    this.hasBefore = false;
    try {
      localStorage.removeItem(BEFORE);
    } catch {
      // See write().
    }
  }

  /** The job was made. */
  clear(): void {
    this.draft = emptyDraft();
    this.save();
  }

  #replace(draft: Draft): void {
    this.draft = draft;
    this.#saved = essence(draft);
    this.conflict = false;
  }
}

export const store = new DraftStore();
