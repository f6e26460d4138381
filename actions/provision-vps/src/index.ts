import { run } from '@delivery/runner';
import { main } from './main.ts';

await run(main);
