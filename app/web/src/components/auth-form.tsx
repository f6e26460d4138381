'use client';

import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { api, ApiError } from '../lib/api.ts';
import { EyeIcon } from './icons.tsx';
import { PageHeader } from './page-header.tsx';

const TEXTS = {
  login: {
    title: 'Welcome back',
    intro: 'Log in to go on where you left off.',
    submit: 'Log in',
    other: 'New here?',
    otherLink: 'Create an account',
    otherHref: '/register',
  },
  register: {
    title: 'Create your account',
    intro: 'It takes a minute, and your chats are kept for you.',
    submit: 'Create account',
    other: 'Already have an account?',
    otherLink: 'Log in',
    otherHref: '/login',
  },
} as const;

interface Problem {
  message: string;
  fields: Record<string, string>;
}

/** The log-in and the registration page. */
export function AuthForm({ mode }: { mode: 'login' | 'register' }) {
  const texts = TEXTS[mode];
  const router = useRouter();
  const alert = useRef<HTMLParagraphElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState(false);

  useEffect(() => {
    // Already signed in: nothing to do here.
    api.me().then(
      ({ user }) => user !== null && router.replace('/chat'),
      () => undefined,
    );
  }, [router]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const value = (name: string) => String(new FormData(form).get(name) ?? '');
    const fields = { email: value('email'), password: value('password') };
    setBusy(true);
    setProblem(null);
    try {
      await (mode === 'login' ? api.login(fields) : api.register({ ...fields, name: value('name') }));
      router.replace('/chat');
    } catch (error) {
      const { message, fields: wrong } =
        error instanceof ApiError ? error : { message: 'Something went wrong.', fields: {} as Record<string, string> };
      setProblem({ message, fields: wrong });
      setBusy(false);
      const first = Object.keys(wrong)[0];
      const field = first === undefined ? null : form.elements.namedItem(first);
      if (field instanceof HTMLInputElement) field.focus();
      else setTimeout(() => alert.current?.focus());
    }
  }

  const field = (name: string, hint?: string) => ({
    id: name,
    name,
    required: true,
    'aria-invalid': problem?.fields[name] !== undefined,
    'aria-describedby': problem?.fields[name] !== undefined ? `${name}-problem` : hint,
  });
  const problemOf = (name: string) =>
    problem?.fields[name] === undefined ? null : (
      <p className="field-problem" id={`${name}-problem`}>
        {problem.fields[name]}
      </p>
    );

  return (
    <div className="page">
      <PageHeader />
      <main className="auth">
        <h1>{texts.title}</h1>
        <p className="lead">{texts.intro}</p>
        <form className="card" onSubmit={submit}>
          {problem !== null && Object.keys(problem.fields).length === 0 && (
            <p className="alert" role="alert" tabIndex={-1} ref={alert}>
              {problem.message}
            </p>
          )}
          {mode === 'register' && (
            <div className="field">
              <label htmlFor="name">Your name</label>
              <input {...field('name')} autoComplete="name" minLength={2} maxLength={60} />
              {problemOf('name')}
            </div>
          )}
          <div className="field">
            <label htmlFor="email">E-mail address</label>
            <input {...field('email')} type="email" autoComplete="email" maxLength={254} />
            {problemOf('email')}
          </div>
          <div className="field">
            <label htmlFor="password">Password</label>
            <div className="with-button">
              <input
                {...field('password', mode === 'register' ? 'password-hint' : undefined)}
                type={shown ? 'text' : 'password'}
                autoComplete={mode === 'login' ? 'current-password' : 'new-password'}
                minLength={mode === 'login' ? 1 : 10}
                maxLength={128}
              />
              <button
                className="icon-button"
                type="button"
                aria-label="Show the password"
                aria-pressed={shown}
                onClick={() => setShown(!shown)}
              >
                <EyeIcon />
              </button>
            </div>
            {problemOf('password')}
            {mode === 'register' && (
              <p className="field-hint" id="password-hint">
                At least 10 characters. A short sentence is easy to remember.
              </p>
            )}
          </div>
          <button className="button wide" type="submit" disabled={busy}>
            {busy ? 'One moment…' : texts.submit}
          </button>
        </form>
        <p className="switch-form">
          {texts.other} <Link href={texts.otherHref}>{texts.otherLink}</Link>
        </p>
      </main>
    </div>
  );
}
