'use client';

import { PageHeader } from '../components/page-header.tsx';

export default function ErrorPage({ reset }: { reset: () => void }) {
  return (
    <div className="page">
      <PageHeader />
      <main className="message-page">
        <h1>Something went wrong</h1>
        <p>The page could not be shown. Your chats are safe.</p>
        <button className="button" type="button" onClick={reset}>
          Try again
        </button>
      </main>
    </div>
  );
}
