import { run } from '@delivery/runner';
import { answerAnsible } from './ansible.ts';
import { main } from './main.ts';

if (process.argv[2] === 'ansible') await answerAnsible(process.argv[3]);
else await run(main);
