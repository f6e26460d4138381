'use client';

import { useSyncExternalStore } from 'react';
import { MoonIcon, SunIcon, SystemIcon } from './icons.tsx';

const THEMES = [
  { value: 'system', label: 'System', Icon: SystemIcon },
  { value: 'light', label: 'Light', Icon: SunIcon },
  { value: 'dark', label: 'Dark', Icon: MoonIcon },
] as const;
type Theme = (typeof THEMES)[number]['value'];

const CHANGED = 'brainbytes:theme';

function current(): Theme {
  const theme = document.documentElement.dataset['theme'];
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

function choose(theme: Theme): void {
  const root = document.documentElement;
  if (theme === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = theme;
  try {
    if (theme === 'system') localStorage.removeItem('theme');
    else localStorage.setItem('theme', theme);
  } catch {
    // Storage is blocked: the choice holds for this page.
  }
  window.dispatchEvent(new Event(CHANGED));
}

function subscribe(changed: () => void): () => void {
  window.addEventListener(CHANGED, changed);
  return () => window.removeEventListener(CHANGED, changed);
}

/** Light, dark, or whatever the system says; kept in this browser. `name` keeps two switches on one page apart. */
export function ThemeSwitch({ name }: { name: string }) {
  const theme = useSyncExternalStore(subscribe, current, () => 'system' as Theme);
  return (
    <fieldset className="theme-switch">
      <legend className="sr-only">Theme</legend>
      {THEMES.map(({ value, label, Icon }) => (
        <label key={value} title={label}>
          <input type="radio" name={name} value={value} checked={theme === value} onChange={() => choose(value)} />
          <Icon />
          <span className="sr-only">{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
