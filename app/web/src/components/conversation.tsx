'use client';

import { useEffect, useRef } from 'react';
import type { Message, Suggestion } from '../lib/api.ts';

const KINDS = {
  hint: 'Hint',
  explanation: 'Explanation',
  example: 'Worked example',
  unknown: 'Not in my lessons',
  greeting: 'Hello',
};

interface Props {
  /** Null while they are being loaded. */
  messages: Message[] | null;
  /** The text so far of the answer that is being written. */
  partial: string;
  answering: boolean;
  /** The stream broke and does not come back by itself. */
  lost: boolean;
  onPick(question: string): void;
  onReconnect(): void;
}

/**
 * The messages of one chat. The log is not read out while it grows (the page's status line does that once,
 * at the end): a stream in a live region would talk over itself.
 */
export function Conversation({ messages, partial, answering, lost, onPick, onReconnect }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const count = messages?.length ?? 0;
  const last = messages?.at(-1);

  useEffect(() => {
    following.current = true;
  }, [count]);
  useEffect(() => {
    const element = box.current;
    // A student who has scrolled up to read is left alone.
    if (element !== null && following.current) element.scrollTop = element.scrollHeight;
  }, [count, partial, last?.status]);

  return (
    <div
      className="log"
      ref={box}
      role="log"
      aria-label="Conversation"
      aria-live="off"
      aria-busy={answering || messages === null}
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        following.current = scrollHeight - scrollTop - clientHeight < 80;
      }}
    >
      <div className="log-inner">
        {messages === null && <p className="loading">Opening the chat…</p>}
        {messages?.map((message) =>
          message.role === 'student' ? (
            <article key={message.id} className="from-student" aria-label="You">
              <p className="bubble">{message.text}</p>
            </article>
          ) : (
            <Answer key={message.id} message={message} partial={partial} />
          ),
        )}
        {lost && (
          <p className="alert" role="alert">
            <span>The connection was lost. Your answer is being kept.</span>
            <button className="button quiet" type="button" onClick={onReconnect}>
              Continue
            </button>
          </p>
        )}
        {last?.role === 'tutor' && last.status === 'complete' && (
          <Suggestions suggestions={last.suggestions ?? []} language={last.language} onPick={onPick} />
        )}
      </div>
    </div>
  );
}

function Answer({ message, partial }: { message: Message; partial: string }) {
  const complete = message.status === 'complete';
  const text = complete ? message.text : partial;
  const paragraphs = text.split('\n\n').filter((paragraph) => paragraph !== '');
  const laddered = message.level !== undefined && ['hint', 'explanation', 'example'].includes(message.kind ?? '');
  return (
    <article className={complete ? 'from-tutor' : 'from-tutor writing'} aria-label="Tutor" data-status={message.status}>
      <header>
        <p className={`badge ${message.kind ?? ''}`}>{KINDS[message.kind ?? 'hint']}</p>
        {laddered && (
          <p className="ladder">
            <span className="sr-only">{`Step ${message.level} of 3`}</span>
            {[1, 2, 3].map((step) => (
              <span key={step} className={step <= (message.level ?? 0) ? 'rung reached' : 'rung'} />
            ))}
          </p>
        )}
        {message.source && (
          <p className="source">
            {message.source.subject} · {message.source.title}
          </p>
        )}
      </header>
      <div className="prose" lang={message.language}>
        {paragraphs.length === 0 && <p className="thinking">Thinking…</p>}
        {paragraphs.map((paragraph, position) => {
          const steps = /^\d+\. /.test(paragraph)
            ? paragraph.split('\n').map((line) => line.replace(/^\d+\. /, ''))
            : null;
          if (steps !== null) {
            return (
              <ol key={position}>
                {steps.map((step, number) => (
                  <li key={number}>{step}</li>
                ))}
              </ol>
            );
          }
          const asksBack = complete && laddered && position === paragraphs.length - 1;
          return (
            <p key={position} className={asksBack ? 'your-turn' : undefined}>
              {paragraph}
            </p>
          );
        })}
      </div>
    </article>
  );
}

function Suggestions(props: {
  suggestions: Suggestion[];
  language: string | undefined;
  onPick(question: string): void;
}) {
  if (props.suggestions.length === 0) return null;
  return (
    <div className="suggestions" role="group" aria-label="Suggestions" lang={props.language}>
      {props.suggestions.map((suggestion) => (
        <button
          key={suggestion.question}
          className="chip"
          type="button"
          onClick={() => props.onPick(suggestion.question)}
        >
          {suggestion.label}
        </button>
      ))}
    </div>
  );
}
