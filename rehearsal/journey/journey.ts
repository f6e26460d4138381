/**
 * One student's way through the tutor, in a real browser: register, ask, watch the answer grow, switch the theme,
 * come back and find the history, delete, log out and in again.
 *
 *   node rehearsal/journey/journey.ts --url https://host[:port] [--ca ca.pem] [--resolve host:port:address[:port]] [--screenshots dir]
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { type BrowserOptions, withBrowser } from './browser.ts';
import { answerGrew, fitsTheWidth, ground, isAccessible, watchAnswer } from './checks.ts';

export interface JourneyOptions extends BrowserOptions {
  /** Start page, for example https://brainbytes.localhost:8443. */
  url: string;
  /** Folder for the pictures; none are taken without it. */
  screenshots?: string | undefined;
}

/** One line of the report. */
export interface StepResult {
  step: string;
  /** Window width in CSS pixels. */
  width: number;
  ok: boolean;
  milliseconds: number;
  /** What was measured, or why it failed. */
  detail: string;
}

const WINDOWS = [
  { width: 390, height: 844, isMobile: true, hasTouch: true },
  { width: 1280, height: 800, isMobile: false, hasTouch: false },
];
const QUESTION = 'How do plants make food?';
const PASSWORD = `journey ${randomBytes(9).toString('base64url')}`;

/** Walks the whole way once per window size. A failed step ends that walk; nothing is thrown for it. */
export async function journey(options: JourneyOptions): Promise<StepResult[]> {
  if (options.screenshots !== undefined) await mkdir(options.screenshots, { recursive: true });
  return withBrowser(options, async (browser) => {
    const results: StepResult[] = [];
    for (const size of WINDOWS) results.push(...(await walk(browser, options, size)));
    return results;
  });
}

async function walk(browser: Browser, options: JourneyOptions, size: (typeof WINDOWS)[number]): Promise<StepResult[]> {
  const { width, height, isMobile, hasTouch } = size;
  const context = await browser.newContext({
    baseURL: options.url,
    viewport: { width, height },
    isMobile,
    hasTouch,
    colorScheme: 'light',
    reducedMotion: 'reduce',
    locale: 'en-PH',
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));

  const results: StepResult[] = [];
  try {
    for (const [step, act] of steps(page, { ...options, width })) {
      const began = performance.now();
      const result = await act().then(
        (detail) => ({ ok: true, detail: detail ?? '' }),
        (error: unknown) => ({
          ok: false,
          detail: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
        }),
      );
      results.push({ step, width, milliseconds: Math.round(performance.now() - began), ...result });
      if (!result.ok) {
        const picture = path.join(options.screenshots ?? '.', `failed-${width}.png`);
        if (options.screenshots !== undefined) await page.screenshot({ path: picture }).catch(() => undefined);
        break;
      }
    }
    const detail = complaints.join(' | ');
    results.push({ step: 'no errors in the console', width, ok: detail === '', milliseconds: 0, detail });
  } finally {
    await context.close();
  }
  return results;
}

type Step = [name: string, act: () => Promise<string | void>];

function steps(page: Page, { screenshots, width }: JourneyOptions & { width: number }): Step[] {
  const email = `student-${randomBytes(6).toString('hex')}@example.com`;
  const narrow = width < 900;
  const picture = async (name: string): Promise<void> => {
    if (screenshots !== undefined)
      await page.screenshot({ path: path.join(screenshots, `tutor-${name}-${width}.png`) });
  };
  const sound = async (): Promise<void> => {
    await fitsTheWidth(page);
    await isAccessible(page);
  };
  /** The place of the chats, the theme and the way out. */
  const side = async () => {
    if (!narrow) return page.getByRole('complementary', { name: 'Your chats' });
    await page.getByRole('button', { name: 'Open the menu' }).click();
    return page.getByRole('dialog', { name: 'Your chats' });
  };
  const closeSide = async (): Promise<void> => {
    if (narrow) await page.getByRole('button', { name: 'Close the menu' }).click();
  };
  const ask = async (question: string): Promise<void> => {
    await page.getByRole('textbox', { name: 'Your question' }).fill(question);
    await page.keyboard.press('Enter');
  };
  const welcome = page.getByRole('heading', { name: 'What are you working on, Student?' });
  const answers = page.getByRole('article', { name: 'Tutor' });
  const answered = async (count: number, kind: string): Promise<void> => {
    await page
      .locator('article[data-status="complete"]')
      .nth(count - 1)
      .waitFor();
    await answers
      .nth(count - 1)
      .getByText(kind, { exact: true })
      .waitFor();
  };

  return [
    [
      'open the start page',
      async () => {
        const response = await page.goto('/');
        if (response?.status() !== 200) throw new Error(`status ${response?.status()}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await sound();
        await picture('home');
        return `release ${response.headers()['x-release'] ?? 'unknown'}`;
      },
    ],
    [
      'register',
      async () => {
        await page.getByRole('link', { name: 'Start learning' }).click();
        await page.getByLabel('Your name').fill('Student One');
        await page.getByLabel('E-mail address').fill(email);
        await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
        await sound();
        await page.getByRole('button', { name: 'Create account' }).click();
        await welcome.waitFor();
        await page.getByRole('button', { name: 'What is photosynthesis?' }).waitFor();
        await sound();
        await picture('welcome');
      },
    ],
    [
      'ask and see the answer grow',
      async () => {
        await watchAnswer(page);
        await ask(QUESTION);
        await answered(1, 'Hint');
        const grown = await answerGrew(page);
        await sound();
        return `${grown} growths`;
      },
    ],
    [
      'go up the hint ladder',
      async () => {
        await page.getByRole('button', { name: 'Explain it to me' }).click();
        await answered(2, 'Explanation');
        await page.getByRole('button', { name: 'Show me a worked example' }).waitFor();
        await picture('answer');
      },
    ],
    [
      'be told what the tutor does not know',
      async () => {
        await ask('Who won the world cup?');
        await answered(3, 'Not in my lessons');
      },
    ],
    [
      'switch the theme',
      async () => {
        const before = await ground(page);
        await (await side()).getByRole('radio', { name: 'Dark' }).check();
        const after = await ground(page);
        if (before === after) throw new Error(`the ground stayed ${before}`);
        await sound();
        if (narrow) await picture('menu-dark');
        await closeSide();
        await sound();
        return `${before} to ${after}`;
      },
    ],
    [
      'reload and find the history',
      async () => {
        const dark = await ground(page);
        await page.reload();
        await answered(3, 'Not in my lessons');
        await page.getByText(QUESTION, { exact: true }).last().waitFor();
        if ((await ground(page)) !== dark) throw new Error('the theme was forgotten');
        await (await side()).getByRole('link', { name: QUESTION }).waitFor();
        await closeSide();
        await picture('dark');
      },
    ],
    [
      'fit a window of 320 px',
      async () => {
        const size = page.viewportSize();
        await page.setViewportSize({ width: 320, height: 640 });
        await fitsTheWidth(page);
        if (size !== null) await page.setViewportSize(size);
      },
    ],
    [
      'delete a chat',
      async () => {
        await (await side()).getByRole('button', { name: 'New chat' }).click();
        await welcome.waitFor();
        await ask('Ano ang pangngalan?');
        await answered(1, 'Hint');
        const place = await side();
        await place.getByRole('button', { name: 'Delete the chat "Ano ang pangngalan?"' }).click();
        await page.getByRole('dialog', { name: 'Delete this chat?' }).getByRole('button', { name: 'Delete' }).click();
        await place.getByRole('link', { name: 'Ano ang pangngalan?' }).waitFor({ state: 'hidden' });
        await welcome.waitFor();
      },
    ],
    [
      'log out and in again',
      async () => {
        await page.goto('/chat');
        await (await side()).getByRole('button', { name: 'Log out' }).click();
        await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
        await page.getByLabel('E-mail address').fill(email);
        await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
        await sound();
        await page.getByRole('button', { name: 'Log in' }).click();
        await (await side()).getByRole('link', { name: QUESTION }).waitFor();
      },
    ],
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      ca: { type: 'string' },
      resolve: { type: 'string' },
      screenshots: { type: 'string' },
    },
  });
  if (values.url === undefined || !URL.canParse(values.url)) throw new Error('--url must be the address of the tutor');
  const { url, ca, resolve, screenshots } = values;
  const results = await journey({ url, caFile: ca, resolve, screenshots });
  for (const { step, width, ok, milliseconds, detail } of results) {
    console.log(
      `${ok ? 'ok  ' : 'FAIL'} ${String(width).padStart(4)} px  ${step} (${milliseconds} ms)${detail && `: ${detail}`}`,
    );
  }
  process.exitCode = results.every((result) => result.ok) ? 0 : 1;
}

if (import.meta.main) {
  main().catch((error: unknown) => {
    console.error(`journey: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}
