'use client';

import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useState } from 'react';
import { SendIcon } from './icons.tsx';

const LONGEST = 1000;
const DRAFT = 'draft';

interface Props {
  input: RefObject<HTMLTextAreaElement | null>;
  disabled: boolean;
  /** Resolves to false when the question did not arrive. */
  onAsk(question: string): Promise<boolean>;
}

/** Where questions are typed. A draft survives a reload; a question that could not be sent stays. */
export function Composer({ input, disabled, onAsk }: Props) {
  const [text, setText] = useState('');

  useEffect(() => setText(sessionStorage.getItem(DRAFT) ?? ''), []);

  const change = (value: string) => {
    setText(value);
    sessionStorage.setItem(DRAFT, value);
  };

  async function send() {
    const question = text.trim();
    if (question === '' || disabled) return;
    change('');
    if (!(await onAsk(question))) change(question);
    input.current?.focus();
  }

  return (
    <form
      className="composer"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void send();
      }}
    >
      <label className="sr-only" htmlFor="question">
        Your question
      </label>
      <textarea
        id="question"
        ref={input}
        rows={1}
        maxLength={LONGEST}
        placeholder="What are you working on?"
        value={text}
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event: KeyboardEvent) => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          void send();
        }}
      />
      {text.length > LONGEST - 100 && <p className="counter">{LONGEST - text.length} characters left</p>}
      <button className="send" type="submit" aria-label="Send" disabled={disabled || text.trim() === ''}>
        <SendIcon />
      </button>
    </form>
  );
}
