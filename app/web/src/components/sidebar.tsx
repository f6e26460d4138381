'use client';

import { type ChatSummary, release, type User } from '../lib/api.ts';
import { LogoutIcon, Mark, PlusIcon, TrashIcon } from './icons.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

interface Props {
  /** Tells the two renderings of the sidebar apart. */
  place: string;
  user: User;
  chats: ChatSummary[];
  more: boolean;
  current: string | null;
  onOpen(id: string): void;
  onNew(): void;
  onMore(): void;
  onDelete(chat: ChatSummary): void;
  onLogout(): void;
}

/** The student's chats, the theme and the way out. */
export function Sidebar(props: Props) {
  return (
    <div className="sidebar">
      <p className="brand">
        <Mark />
        <span>BrainBytes</span>
      </p>
      <button className="button outline wide" type="button" onClick={props.onNew}>
        <PlusIcon /> New chat
      </button>
      <nav className="history" aria-label="Earlier chats">
        {props.chats.length === 0 ? (
          <p className="history-empty">Your chats will be kept here.</p>
        ) : (
          <>
            <h2>Earlier chats</h2>
            <ul>
              {props.chats.map((chat) => (
                <li key={chat.id} className={chat.id === props.current ? 'current' : undefined}>
                  <a
                    href={`/chat?c=${chat.id}`}
                    aria-current={chat.id === props.current ? 'page' : undefined}
                    onClick={(event) => {
                      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                      event.preventDefault();
                      props.onOpen(chat.id);
                    }}
                  >
                    {chat.title}
                  </a>
                  <button
                    className="icon-button"
                    type="button"
                    aria-label={`Delete the chat "${chat.title}"`}
                    onClick={() => props.onDelete(chat)}
                  >
                    <TrashIcon />
                  </button>
                </li>
              ))}
            </ul>
            {props.more && (
              <button className="button quiet wide" type="button" onClick={props.onMore}>
                Show older chats
              </button>
            )}
          </>
        )}
      </nav>
      <div className="account">
        <ThemeSwitch name={`theme-${props.place}`} />
        <div className="account-row">
          <p>
            <strong>{props.user.name}</strong>
            <span>{props.user.email}</span>
          </p>
          <button className="icon-button" type="button" aria-label="Log out" title="Log out" onClick={props.onLogout}>
            <LogoutIcon />
          </button>
        </div>
        {release !== null && <p className="release">Release {release}</p>}
      </div>
    </div>
  );
}
