import { readInputs } from '@delivery/runner';
import { gatherFacts, planFor } from './facts.ts';
import { readProvisionInputs } from './inputs.ts';
import { loginAsAdmin } from './login.ts';
import { report } from './report.ts';
import { runTasks } from './tasks.ts';

/** Makes a bare server ready for releases: looks at it, changes what is not as it should be, and proves what it did. */
export async function main(signal: AbortSignal): Promise<void> {
  const inputs = readInputs(readProvisionInputs);
  const session = await loginAsAdmin(inputs.connection);
  try {
    const facts = await gatherFacts(session, inputs);
    const outcome = await runTasks(session, inputs.connection.user, planFor(inputs, facts), inputs.mode, signal);
    await report(inputs, facts, outcome);
  } finally {
    session.close();
  }
}
