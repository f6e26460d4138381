import { describe, expect, it } from '@jest/globals';
import { readFailure, readProgress } from '../src/progress.ts';

const TWO = `#1 [internal] load local bake definitions
#1 DONE 0.0s
#4 [web internal] load build definition from Dockerfile
#4 DONE 0.1s
#7 [web build 1/2] FROM debian
#7 CACHED
#8 [api 1/3] WORKDIR /app
#8 CACHED
#9 [web build 2/2] RUN npm ci
#9 1.204 added 12 packages
#9 DONE 3.2s
#10 [api 2/3] COPY . .
#10 DONE 0.4s
#11 [web] exporting to image
#11 DONE 0.3s`.split('\n');

describe("buildx's progress", () => {
  it('counts steps, cached steps and seconds of each target', () => {
    expect(readProgress(TWO, ['web', 'api'])).toEqual({
      web: { steps: 1, cached: 0, seconds: 3.2 },
      api: { steps: 2, cached: 1, seconds: 0.4 },
    });
  });

  it('belongs to the one target whose name buildx leaves out', () => {
    expect(
      readProgress(
        ['#5 [build 1/3] FROM x', '#5 DONE 0.1s', '#6 [2/3] RUN y', '#6 DONE 1.0s', '#7 [3/3] RUN z', '#7 CACHED'],
        ['web'],
      ),
    ).toEqual({ web: { steps: 2, cached: 1, seconds: 1 } });
  });
});

describe('a failed build', () => {
  it('ends with the last words of the failed step and the verdict', () => {
    const lines = `#6 [2/2] RUN npm run build
#6 0.612 > build
#6 ERROR: process "/bin/sh -c npm run build" did not complete successfully: exit code: 2
------
 > [2/2] RUN npm run build:
0.612 > build
0.621 src/main.ts(3,1): error TS2322
------
Dockerfile:2
--------------------
   1 |     FROM node
   2 | >>> RUN npm run build
--------------------
ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 2`.split('\n');
    expect(readFailure(lines)).toEqual([
      '> [2/2] RUN npm run build:',
      '> build',
      'src/main.ts(3,1): error TS2322',
      'ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 2',
    ]);
  });

  it('is the verdict alone where no step ran', () => {
    expect(readFailure(['#1 DONE 0.0s', '', 'ERROR: failed to solve: no such file'])).toEqual([
      'ERROR: failed to solve: no such file',
    ]);
    expect(readFailure([])).toEqual([]);
  });
});
