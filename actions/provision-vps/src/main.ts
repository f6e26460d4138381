import { readInputs } from '@delivery/runner';
import { gatherFacts, planFor } from './facts.ts';
import { readProvisionInputs } from './inputs.ts';
import { loginAsAdmin, openByKey } from './login.ts';
import { deservesLook, lookFromOutside } from './outside.ts';
import { merge, secureSsh, settled, settleEarlier } from './prove-login.ts';
import { report } from './report.ts';
import { runTasks } from './tasks.ts';

/** Makes a bare server ready for releases: looks at it, changes what is not as it should be, and proves what it did. */
export async function main(signal: AbortSignal): Promise<void> {
  const inputs = readInputs(readProvisionInputs);
  const login = await loginAsAdmin(inputs);
  try {
    let { facts, findings } = await gatherFacts(login, inputs);
    if (facts.sshUnconfirmed && inputs.mode === 'apply') {
      await settleEarlier(login, signal);
      ({ facts, findings } = await gatherFacts(login, inputs));
    }
    const plan = planFor(inputs, facts);
    const outcome = await runTasks(login, plan, inputs.mode, signal);
    if (inputs.mode === 'apply' && outcome.failure === null && outcome.tasks.some(({ status }) => status === 'drift')) {
      const open = openByKey.bind(null, inputs.connection);
      merge(outcome, await secureSsh({ plan, login, open, signal }));
    }
    if (deservesLook(inputs.mode, plan, outcome)) {
      const look = await lookFromOutside(login, inputs, inputs.mode === 'apply' ? settled(plan) : plan, signal);
      outcome.readings.push(...look.readings);
      outcome.findings.push(...look.findings);
    }
    outcome.findings.unshift(...findings);
    await report(inputs, facts, outcome);
  } finally {
    login.session.close();
  }
}
