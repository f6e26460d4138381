import * as core from '@actions/core';
import { redact } from './mask.ts';

/** Sets all outputs of an action. Null becomes the empty string, objects become JSON. */
export function setOutputs(outputs: Readonly<Record<string, string | number | boolean | object | null>>): void {
  for (const [name, value] of Object.entries(outputs)) {
    const text = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    core.setOutput(name, redact(text));
  }
}
