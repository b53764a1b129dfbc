/** A row of tabs: the arrow keys, Home and End choose another one, and Tab leaves the row. */

import type { JSX } from "preact";

interface TabsProps<Name extends string> {
  className: string;
  label: string;
  prefix: string;
  panel: string;
  tabs: readonly Name[];
  shown: Name;
  title?: (name: Name) => string;
  onChoose: (name: Name) => void;
}

export function Tabs<Name extends string>({ className, label, prefix, panel, tabs, shown, title, onChoose }: TabsProps<Name>): JSX.Element {
  const onKeyDown = (event: KeyboardEvent): void => {
    const index = tabs.indexOf(shown);
    const targets: Record<string, number> = {
      ArrowRight: (index + 1) % tabs.length,
      ArrowLeft: index - 1,
      Home: 0,
      End: -1,
    };
    const target = targets[event.key];
    const next = target === undefined ? undefined : tabs.at(target);
    if (next === undefined) return;
    event.preventDefault();
    onChoose(next);
    document.getElementById(`${prefix}-${next}`)?.focus();
  };
  return (
    <div class={className} role="tablist" aria-label={label}>
      {tabs.map((each) => (
        <button
          type="button"
          role="tab"
          key={each}
          id={`${prefix}-${each}`}
          aria-selected={shown === each}
          aria-controls={panel}
          tabIndex={shown === each ? 0 : -1}
          onClick={() => onChoose(each)}
          onKeyDown={onKeyDown}
        >
          {title ? title(each) : each}
        </button>
      ))}
    </div>
  );
}
