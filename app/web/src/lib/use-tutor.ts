'use client';

import { useRouter, useSearchParams } from 'next/navigation';
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, ApiError, type ChatSummary, follow, type Message, type User } from './api.ts';

/** Why something did not work, in words for the student. */
function reasonOf(error: unknown): string {
  return error instanceof ApiError ? error.message : 'Something went wrong.';
}

/** Everything that the tutor page knows and can do. The open chat is the `c` of the address. */
export function useTutor() {
  const router = useRouter();
  const chatId = useSearchParams().get('c');
  const [user, setUser] = useState<User | null>(null);
  const [chats, setChats] = useState<ChatSummary[] | null>(null);
  const [more, setMore] = useState(false);
  const [messages, setMessages] = useState<Message[] | null>(null);
  const [partial, setPartial] = useState('');
  const [busy, setBusy] = useState(false);
  const [lost, setLost] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const [reloads, setReloads] = useState(0);
  /** Set when the page itself could not be loaded. */
  const [failure, setFailure] = useState<string | null>(null);
  /** Set when one action failed. */
  const [problem, setProblem] = useState<string | null>(null);
  /** Read out by screen readers. */
  const [status, setStatus] = useState('');
  /** The chat whose messages are in `messages`; undefined while none is. */
  const shown = useRef<string | null | undefined>(undefined);

  const open = useCallback((id: string | null) => {
    setProblem(null);
    window.history.pushState(null, '', id === null ? '/chat' : `/chat?c=${id}`);
  }, []);

  const signedOut = useCallback(
    (error: unknown) => {
      const out = error instanceof ApiError && error.status === 401;
      if (out) router.replace('/login');
      return out;
    },
    [router],
  );

  const load = useCallback(async () => {
    setFailure(null);
    try {
      const { user: me } = await api.me();
      if (me === null) return router.replace('/login');
      const page = await api.chats();
      setUser(me);
      setChats(page.chats);
      setMore(page.more);
    } catch (error) {
      if (!signedOut(error)) setFailure(reasonOf(error));
    }
  }, [router, signedOut]);

  useEffect(() => void load(), [load]);

  useEffect(() => {
    if (shown.current === chatId) return;
    shown.current = chatId;
    setPartial('');
    if (chatId === null) return setMessages([]);
    setMessages(null);
    let current = true;
    api.chat(chatId).then(
      (found) => current && setMessages(found.messages),
      (error: unknown) => {
        if (!current || signedOut(error)) return;
        if (!(error instanceof ApiError && error.status === 404)) return setFailure(reasonOf(error));
        open(null);
        setProblem('That chat does not exist any more.');
      },
    );
    return () => {
      current = false;
      if (shown.current === chatId) shown.current = undefined;
    };
  }, [chatId, reloads, open, signedOut]);

  const pendingId = messages?.find((message) => message.status === 'pending' && message.role === 'tutor')?.id ?? null;
  useEffect(() => {
    setLost(false);
    if (pendingId === null) return;
    setPartial('');
    return follow(pendingId, {
      text: setPartial,
      done(answer) {
        setMessages((before) => before?.map((message) => (message.id === answer.id ? answer : message)) ?? null);
        setPartial('');
        setStatus(`The tutor answered: ${answer.text}`);
      },
      failed: () => setLost(true),
    });
  }, [pendingId, attempt]);

  /** Sends a question; false when it did not arrive, so that the text is kept. */
  const ask = useCallback(
    async (question: string): Promise<boolean> => {
      const before = messages ?? [];
      setBusy(true);
      setProblem(null);
      setMessages([...before, { id: 'sending', role: 'student', status: 'complete', text: question }]);
      try {
        const { chat, messages: added } = await api.ask(chatId, question);
        shown.current = chat.id;
        setMessages([...before, ...added]);
        setChats((list) => [chat, ...(list ?? []).filter((entry) => entry.id !== chat.id)]);
        setStatus('The tutor is answering.');
        if (chatId === null) open(chat.id);
        return true;
      } catch (error) {
        setMessages(before);
        if (!signedOut(error)) setProblem(reasonOf(error));
        return false;
      } finally {
        setBusy(false);
      }
    },
    [chatId, messages, open, signedOut],
  );

  const remove = useCallback(
    async (id: string): Promise<boolean> => {
      try {
        await api.remove(id);
      } catch (error) {
        if (signedOut(error)) return false;
        if (!(error instanceof ApiError && error.status === 404)) {
          setProblem(reasonOf(error));
          return false;
        }
      }
      setChats((list) => (list ?? []).filter((entry) => entry.id !== id));
      setStatus('The chat was deleted.');
      if (id === chatId) open(null);
      return true;
    },
    [chatId, open, signedOut],
  );

  const loadMore = useCallback(async () => {
    try {
      const page = await api.chats(chats?.at(-1)?.activeAt);
      setChats((list) => [...(list ?? []), ...page.chats]);
      setMore(page.more);
    } catch (error) {
      if (!signedOut(error)) setProblem(reasonOf(error));
    }
  }, [chats, signedOut]);

  const logout = useCallback(async () => {
    try {
      await api.logout();
      router.replace('/login');
    } catch (error) {
      setProblem(reasonOf(error));
    }
  }, [router]);

  return {
    user,
    chats,
    more,
    chatId,
    messages,
    partial,
    answering: pendingId !== null,
    busy,
    lost,
    failure,
    problem,
    status,
    open,
    ask,
    remove,
    loadMore,
    logout,
    reload() {
      if (messages === null) shown.current = undefined;
      setReloads((count) => count + 1);
      void load();
    },
    reconnect: () => setAttempt((count) => count + 1),
    dismiss: () => setProblem(null),
  };
}
