import type { Metadata } from 'next';
import { Suspense } from 'react';
import { Tutor } from '../../components/tutor.tsx';

export const metadata: Metadata = { title: 'Tutor' };

export default function ChatPage() {
  return (
    <Suspense fallback={<p className="loading">Opening your chats…</p>}>
      <Tutor />
    </Suspense>
  );
}
