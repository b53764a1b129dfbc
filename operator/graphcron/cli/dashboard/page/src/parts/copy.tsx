/** A button that copies a text. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

export function CopyButton({ text }: { text: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      setCopied(false); // Without the right to the clipboard, the text can be selected.
    }
  };
  return (
    <button type="button" class="icon-button copy" aria-label={copied ? "Copied" : "Copy"} title={copied ? "Copied" : "Copy"} onClick={() => void copy()}>
      {copied ? "✓" : <Icon name="copy" size={14} />}
    </button>
  );
}
