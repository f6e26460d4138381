import Link from 'next/link';
import type { ReactNode } from 'react';
import { Mark } from './icons.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

/** The bar of the pages outside the tutor. */
export function PageHeader({ children }: { children?: ReactNode }) {
  return (
    <header className="page-header">
      <Link className="brand" href="/">
        <Mark />
        <span>BrainBytes</span>
      </Link>
      <div className="page-header-side">
        {children}
        <ThemeSwitch name="theme" />
      </div>
    </header>
  );
}
