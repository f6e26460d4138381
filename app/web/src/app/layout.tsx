import type { Metadata, Viewport } from 'next';
import type { ReactNode } from 'react';
import '@fontsource-variable/figtree';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'BrainBytes: a tutor that gives hints first', template: '%s · BrainBytes' },
  description:
    'Ask about maths, science, English or Filipino. BrainBytes gives you a hint first, so the answer stays yours.',
  icons: { icon: '/icon.svg' },
};

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f6f4ee' },
    { media: '(prefers-color-scheme: dark)', color: '#11161a' },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    // theme.js sets data-theme before React looks at the page.
    <html lang="en" suppressHydrationWarning>
      <head>
        {/* Not async on purpose: the theme has to be known before the first paint. */}
        <script src="/theme.js" />
      </head>
      <body>{children}</body>
    </html>
  );
}
