'use client';

import { useEffect, useState } from 'react';
import { api, type LessonSummary } from '../lib/api.ts';

/** A new chat: what the tutor can help with. */
export function Welcome({ name, onPick }: { name: string; onPick(question: string): void }) {
  const [lessons, setLessons] = useState<LessonSummary[]>([]);

  useEffect(() => {
    // Only suggestions: without them the student simply types.
    api.lessons().then(
      (found) => setLessons(found.lessons),
      () => undefined,
    );
  }, []);

  const subjects = [...new Set(lessons.map((lesson) => lesson.subject))];
  return (
    <section className="welcome" aria-labelledby="welcome-title">
      <div className="welcome-inner">
        <h2 id="welcome-title">What are you working on, {name.split(' ')[0]}?</h2>
        <p className="lead">Ask in your own words, in English or Filipino, or begin with one of these.</p>
        <div className="subjects">
          {subjects.map((subject) => (
            <section key={subject} className={`subject ${subject.toLowerCase()}`} aria-label={subject}>
              <h3>{subject}</h3>
              <ul>
                {lessons
                  .filter((lesson) => lesson.subject === subject)
                  .slice(0, 3)
                  .map((lesson) => (
                    <li key={lesson.id}>
                      <button type="button" lang={lesson.language} onClick={() => onPick(lesson.ask)}>
                        {lesson.ask}
                      </button>
                    </li>
                  ))}
              </ul>
            </section>
          ))}
        </div>
      </div>
    </section>
  );
}
