import Link from 'next/link';
import { PageHeader } from '../components/page-header.tsx';

const STEPS = [
  { name: 'A hint', text: 'First a nudge and a question back, so that you can find the way yourself.' },
  { name: 'The explanation', text: 'Still stuck? Then the lesson itself, in a few plain sentences.' },
  { name: 'A worked example', text: 'A similar problem, step by step. Yours is still yours to solve.' },
];

export default function HomePage() {
  return (
    <div className="page">
      <PageHeader>
        <Link className="button quiet" href="/login">
          Log in
        </Link>
      </PageHeader>
      <main className="home">
        <section className="hero">
          <p className="eyebrow">Maths · Science · English · Filipino</p>
          <h1>Understand it, instead of copying it.</h1>
          <p className="lead">
            BrainBytes is a study partner that gives you a hint before it gives you an answer. It speaks from its own
            lessons, and says so when it does not know.
          </p>
          <div className="actions">
            <Link className="button" href="/register">
              Start learning
            </Link>
            <Link className="button outline" href="/chat">
              Open the tutor
            </Link>
          </div>
        </section>
        <section className="demo" aria-label="How a conversation looks">
          <p className="bubble">How do I solve 2x + 3 = 11?</p>
          <div className="demo-answer">
            <p className="badge">Hint · Solving linear equations</p>
            <p>
              Think of the equals sign as a balance. Which number could you take away from both sides so that fewer
              things stand beside x?
            </p>
          </div>
          <p className="bubble">Take away 3?</p>
        </section>
        <section className="steps" aria-labelledby="steps-title">
          <h2 id="steps-title">Three steps to your own answer</h2>
          <ol>
            {STEPS.map((step) => (
              <li key={step.name}>
                <h3>{step.name}</h3>
                <p>{step.text}</p>
              </li>
            ))}
          </ol>
        </section>
      </main>
      <footer className="page-footer">
        <p>Your questions stay on this server. Nothing is sent to anyone else.</p>
      </footer>
    </div>
  );
}
