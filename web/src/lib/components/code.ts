/** How code looks, in views and editors. */
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { tcl } from "@codemirror/legacy-modes/mode/tcl";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export type CodeLanguage = "tcl" | "shell" | "plain";

export const MODES = { tcl: [StreamLanguage.define(tcl)], shell: [StreamLanguage.define(shell)], plain: [] };
const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.standard(tags.variableName)], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool], color: "var(--wait)" },
  { tag: [tags.variableName, tags.meta], color: "var(--warn)" },
]);
const look = EditorView.theme({
  "&": { fontSize: "12.5px", background: "var(--surface)", color: "var(--text)", maxHeight: "70vh" },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "18px" },
  ".cm-gutters": { background: "var(--surface)", color: "var(--muted)", border: "0" },
  ".cm-panels": { background: "var(--raised)", color: "var(--text)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    background: "var(--selected)",
  },
});

export const appearance = [syntaxHighlighting(colours), look];
