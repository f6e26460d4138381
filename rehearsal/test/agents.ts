import type { Stage } from './stage.ts';

/** How many agents have been started on the VPS since a time, milliseconds since 1970. */
export async function agentsSince(stage: Stage, since: number): Promise<number> {
  const at = (ms: number): string => (ms / 1000).toFixed(3);
  const lines = await stage.vpsShell(
    `docker events --since ${at(since)} --until ${at(Date.now())} --filter event=start --filter label=delivery.agent --format .`,
  );
  return lines.split('\n').filter((line) => line !== '').length;
}
