'use client';

import { useEffect, useRef } from 'react';
import type { ChatSummary } from '../lib/api.ts';

interface Props {
  /** The chat to be deleted, or null when nothing is asked. */
  chat: ChatSummary | null;
  onCancel(): void;
  onDelete(chat: ChatSummary): void;
}

/** Asks before a chat is deleted, because it cannot be brought back. */
export function DeleteDialog({ chat, onCancel, onDelete }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    if (chat === null) dialog.current?.close();
    else dialog.current?.showModal();
  }, [chat]);

  return (
    <dialog className="confirm" ref={dialog} aria-labelledby="delete-title" onClose={onCancel}>
      <h2 id="delete-title">Delete this chat?</h2>
      <p>“{chat?.title}” and all its messages will be gone for good.</p>
      <div className="actions">
        <button className="button quiet" type="button" onClick={onCancel}>
          Keep it
        </button>
        <button className="button danger" type="button" onClick={() => chat && onDelete(chat)}>
          Delete
        </button>
      </div>
    </dialog>
  );
}
