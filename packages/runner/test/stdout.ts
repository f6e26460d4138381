import { jest } from '@jest/globals';

/** Runs a piece of code and returns what it printed: the commands to the runner are lines on standard output. */
export async function printed(act: () => unknown): Promise<string[]> {
  let text = '';
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await act();
  } finally {
    spy.mockRestore();
  }
  return text.split('\n').slice(0, -1);
}

/** Sets the inputs of an action the way the runner does, for the time of one call. */
export function withInputs<T>(inputs: Readonly<Record<string, string>>, act: () => T): T {
  const names = Object.keys(inputs).map((name) => `INPUT_${name.toUpperCase()}`);
  for (const [name, value] of Object.entries(inputs)) process.env[`INPUT_${name.toUpperCase()}`] = value;
  try {
    return act();
  } finally {
    for (const name of names) delete process.env[name];
  }
}
