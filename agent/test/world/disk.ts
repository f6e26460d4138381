import * as real from 'node:fs';

/** What every call throws once the agent is dead: nothing that it does afterwards reaches the host. */
export class Died extends Error {}

/**
 * The life of one agent on a host: it ends at its `left`-th effect (a change of a file, or a call that changes something in Docker), or
 * by itself. A write that it dies in is half done, as on a machine that loses its power.
 */
export class Life {
  dead = false;
  /** Effects until the agent dies; null for never. */
  private left: number | null;
  private readonly open = new Set<number>();
  /** Told of every file that comes into being or changes under its final name. */
  private readonly changed: (path: string) => void;

  constructor(left: number | null, changed: (path: string) => void) {
    this.left = left;
    this.changed = changed;
  }

  /** Called before each effect; throws where the agent dies there or is dead. `half` is what of it still happens. */
  effect(half: () => void = () => undefined): void {
    if (this.dead) throw new Died('dead');
    if (this.left === null) return;
    this.left -= 1;
    if (this.left >= 0) return;
    this.dead = true;
    half();
    throw new Died('dead');
  }

  /** The end of the process: its open files, and the locks on them, go. */
  end(): void {
    this.dead = true;
    for (const descriptor of this.open) real.closeSync(descriptor);
    this.open.clear();
  }

  /** `node:fs` as this agent has it. */
  disk(): Partial<typeof real> {
    const changes = <A extends unknown[], R>(
      call: (...args: A) => R,
      path: (...args: A) => string | null = () => null,
    ) => {
      return (...args: A): R => {
        this.effect();
        const result = call(...args);
        const at = path(...args);
        if (at !== null) this.changed(at);
        return result;
      };
    };
    return {
      openSync: ((path: string, flags = 'r', mode?: number) => {
        if (flags !== 'r') this.effect();
        const descriptor = real.openSync(path, flags, mode);
        this.open.add(descriptor);
        return descriptor;
      }) as typeof real.openSync,
      closeSync: (descriptor) => {
        if (this.open.delete(descriptor)) real.closeSync(descriptor);
      },
      writeSync: ((
        descriptor: number,
        data: string | Buffer,
        from: number | null = 0,
        length?: number,
        position?: number | null,
      ) => {
        const bytes = Buffer.from(data);
        const part = bytes.subarray(from ?? 0, (from ?? 0) + (length ?? bytes.length));
        this.effect(() => void real.writeSync(descriptor, part, 0, Math.floor(part.length / 2), position ?? null));
        return real.writeSync(descriptor, part, 0, part.length, position ?? null);
      }) as typeof real.writeSync,
      // Flushing is the disk's business; the double of a crash loses nothing that was written.
      fsyncSync: () => undefined,
      ftruncateSync: changes(real.ftruncateSync),
      renameSync: changes(real.renameSync, (_, to) => String(to)),
      writeFileSync: changes(real.writeFileSync, (path) => String(path)),
      rmSync: changes(real.rmSync, (path) => String(path)),
      unlinkSync: changes(real.unlinkSync),
      linkSync: changes(real.linkSync),
      cpSync: changes(real.cpSync),
      mkdirSync: changes(real.mkdirSync) as typeof real.mkdirSync,
    };
  }
}
