import type { Metadata } from 'next';
import Link from 'next/link';
import { PageHeader } from '../components/page-header.tsx';

export const metadata: Metadata = { title: 'Page not found' };

export default function NotFound() {
  return (
    <div className="page">
      <PageHeader />
      <main className="message-page">
        <h1>This page does not exist</h1>
        <p>The address may be mistyped, or the page has moved.</p>
        <Link className="button" href="/">
          Go to the start page
        </Link>
      </main>
    </div>
  );
}
