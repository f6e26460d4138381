/** What `push` changes: one source file, so that there is another release; with a way to be sick where one is wanted. */
export const BREAKS = ['build', 'boot', 'health'] as const;
export type Break = (typeof BREAKS)[number];

export interface Change {
  /** Path in the repository. */
  file: string;
  /** Subject of the commit. */
  subject: string;
  edit: (text: string) => string;
}

const COMPOSE = 'app/compose.yaml';
const API = 'adonisjs';
const LESSON = 'app/api/tutor/lessons/english.ts';

/** The change of a healthy release: one more sentence in a lesson of the tutor. `stamp` makes two pushes differ. */
export function healthyChange(stamp: string): Change {
  return {
    file: LESSON,
    subject: 'Add a remark to a lesson',
    edit(text) {
      const begin = '\n    sentences: [\n';
      if (!text.includes(begin)) throw new Error(`${LESSON} has no list of sentences to add one to`);
      return text.replace(
        begin,
        `${begin}      'Remark ${stamp}: reading one lesson twice helps more than reading two lessons once.',\n`,
      );
    },
  };
}

/** A change that compiles everywhere and still makes a release that must not reach anybody. */
export function sickChange(how: Break): Change {
  switch (how) {
    case 'build':
      return { file: 'app/api/Dockerfile', subject: 'Break the build of the API', edit: failBuild };
    case 'boot':
      return {
        file: COMPOSE,
        subject: 'Start the API with a log level that it does not know',
        edit: (text) => setEnvironment(text, API, 'LOG_LEVEL', 'deafening'),
      };
    case 'health':
      return {
        file: COMPOSE,
        subject: 'Point the API at a database that is not there',
        edit: (text) => setEnvironment(text, API, 'MONGO_URI', 'mongodb://nowhere.invalid:27017/brainbytes'),
      };
  }
}

/** Adds a command that fails to the last stage of a Dockerfile. */
function failBuild(text: string): string {
  const at = text.lastIndexOf('\nFROM ');
  const end = text.indexOf('\n', at + 1);
  if (at < 0 || end < 0) throw new Error('the Dockerfile has no FROM line to break behind');
  return `${text.slice(0, end)}\nRUN ["node", "-e", "process.exit(1)"]${text.slice(end)}`;
}

/**
 * Sets one environment variable of a service by an edit of the text, so that the rest of the file keeps its form (the gates check it).
 * The service's `environment` must be a mapping.
 */
export function setEnvironment(text: string, service: string, name: string, value: string): string {
  const lines = text.split('\n');
  const begin = lines.indexOf(`  ${service}:`);
  if (begin < 0) throw new Error(`${COMPOSE} has no service ${service}`);
  const length = lines.slice(begin + 1).findIndex((line) => /^ {0,2}\S/.test(line));
  const end = length < 0 ? lines.length : begin + 1 + length;
  const block = lines.slice(begin, end).filter((line) => !line.startsWith(`      ${name}:`));
  const at = block.indexOf('    environment:');
  if (at < 0) throw new Error(`service ${service} has no mapping "environment"`);
  block.splice(at + 1, 0, `      ${name}: ${value}`);
  return [...lines.slice(0, begin), ...block, ...lines.slice(end)].join('\n');
}
