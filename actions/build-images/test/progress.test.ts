import { describe, expect, it } from '@jest/globals';
import { meaningfulTail, readProgress } from '../src/progress.ts';

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
      web: { steps: 2, cached: 1, seconds: 3.2 },
      api: { steps: 2, cached: 1, seconds: 0.4 },
    });
  });

  it('belongs to the one target whose name buildx leaves out', () => {
    expect(readProgress(['#5 [build 1/2] FROM x', '#5 CACHED', '#6 [2/2] RUN y', '#6 DONE 1.0s'], ['web'])).toEqual({ web: { steps: 2, cached: 1, seconds: 1 } });
  });

  it('ends, when a build fails, with what went wrong', () => {
    const lines = `#9 [web 4/5] RUN npm run build
#9 0.812 > build
#9 1.204 src/main.ts(3,1): error TS2322
#9 ERROR: process "/bin/sh -c npm run build" did not complete successfully: exit code: 2
#10 [internal] load metadata
#10 DONE 0.1s

------
 > [web 4/5] RUN npm run build:`.split('\n');
    expect(meaningfulTail(lines, 3)).toEqual([
      'src/main.ts(3,1): error TS2322',
      'ERROR: process "/bin/sh -c npm run build" did not complete successfully: exit code: 2',
      ' > [web 4/5] RUN npm run build:',
    ]);
  });
});
