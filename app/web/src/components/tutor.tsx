'use client';

import { useEffect, useRef, useState } from 'react';
import type { ChatSummary } from '../lib/api.ts';
import { useTutor } from '../lib/use-tutor.ts';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { CloseIcon, MenuIcon, PlusIcon } from './icons.tsx';
import { Sidebar } from './sidebar.tsx';
import { Welcome } from './welcome.tsx';

/** The page of the signed-in student: chats beside the conversation; on a phone they open from the menu. */
export function Tutor() {
  const tutor = useTutor();
  const menu = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const [doomed, setDoomed] = useState<ChatSummary | null>(null);
  const { chatId, messages } = tutor;
  const title = tutor.chats?.find((chat) => chat.id === chatId)?.title;

  useEffect(() => menu.current?.close(), [chatId]);

  if (tutor.failure !== null) {
    return (
      <main className="message-page">
        <h1>The tutor is not reachable</h1>
        <p role="alert">{tutor.failure}</p>
        <button className="button" type="button" onClick={tutor.reload}>
          Try again
        </button>
      </main>
    );
  }
  if (tutor.user === null) return <p className="loading">Opening your chats…</p>;

  const newChat = () => {
    menu.current?.close();
    tutor.open(null);
    input.current?.focus();
  };
  const sidebar = (place: string) => (
    <Sidebar
      place={place}
      user={tutor.user!}
      chats={tutor.chats ?? []}
      more={tutor.more}
      current={chatId}
      onOpen={(id) => {
        menu.current?.close();
        tutor.open(id);
      }}
      onNew={newChat}
      onMore={() => void tutor.loadMore()}
      onDelete={setDoomed}
      onLogout={() => void tutor.logout()}
    />
  );
  const empty = messages !== null && messages.length === 0;

  return (
    <div className="tutor">
      <aside className="side" aria-label="Your chats">
        {sidebar('side')}
      </aside>
      <dialog className="drawer" ref={menu} aria-label="Your chats">
        <button
          className="icon-button drawer-close"
          type="button"
          aria-label="Close the menu"
          onClick={() => menu.current?.close()}
        >
          <CloseIcon />
        </button>
        {sidebar('menu')}
      </dialog>

      <main className="talk">
        <header className="talk-header">
          <button
            className="icon-button narrow-only"
            type="button"
            aria-label="Open the menu"
            onClick={() => menu.current?.showModal()}
          >
            <MenuIcon />
          </button>
          <h1>{title ?? 'New chat'}</h1>
          <button className="icon-button narrow-only" type="button" aria-label="New chat" onClick={newChat}>
            <PlusIcon />
          </button>
        </header>

        {empty ? (
          <Welcome name={tutor.user.name} onPick={(question) => void tutor.ask(question)} />
        ) : (
          <Conversation
            key={chatId ?? 'new'}
            messages={messages}
            partial={tutor.partial}
            answering={tutor.answering}
            lost={tutor.lost}
            onPick={(question) => void tutor.ask(question)}
            onReconnect={tutor.reconnect}
          />
        )}

        <div className="talk-footer">
          {tutor.problem !== null && (
            <p className="alert" role="alert">
              <span>{tutor.problem}</span>
              <button className="icon-button" type="button" aria-label="Dismiss" onClick={tutor.dismiss}>
                <CloseIcon />
              </button>
            </p>
          )}
          <Composer input={input} disabled={tutor.busy || tutor.answering} onAsk={tutor.ask} />
        </div>
      </main>

      <DeleteDialog
        chat={doomed}
        onCancel={() => setDoomed(null)}
        onDelete={(chat) => {
          setDoomed(null);
          void tutor.remove(chat.id).then((gone) => gone && input.current?.focus());
        }}
      />
      <p className="sr-only" role="status">
        {tutor.status}
      </p>
    </div>
  );
}
