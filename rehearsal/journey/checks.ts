import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

// Expressions for the page are strings: this project is compiled without the browser's types.

/** @throws Error when the page can be scrolled sideways. */
export async function fitsTheWidth(page: Page): Promise<void> {
  const [wide, narrow] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as [number, number];
  if (wide > narrow) throw new Error(`the page is ${wide} px wide in a window of ${narrow} px`);
}

/** @throws Error listing the violations that axe found. */
export async function isAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  if (violations.length === 0) return;
  const lines = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
  throw new Error(`axe: ${lines.join('; ')}`);
}

/** Begins to note the length of the answer that is being written. */
export async function watchAnswer(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    window.answerLengths = [];
    new MutationObserver(() => {
      const prose = document.querySelector('article[data-status="pending"] .prose');
      const length = prose && !prose.querySelector('.thinking') ? prose.textContent.length : 0;
      if (length > 0 && length !== window.answerLengths.at(-1)) window.answerLengths.push(length);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  })()`);
}

/**
 * How many times the answer grew since `watchAnswer`.
 * @throws Error when it came in one lump or shrank.
 */
export async function answerGrew(page: Page): Promise<number> {
  const lengths = (await page.evaluate('window.answerLengths')) as number[];
  if (lengths.length < 5) throw new Error(`the answer came in ${lengths.length} pieces, expected at least 5`);
  if (lengths.some((length, position) => length < (lengths[position - 1] ?? 0))) throw new Error('the answer shrank');
  return lengths.length;
}

/** The colour of the page's ground, as the browser computed it. */
export async function ground(page: Page): Promise<string> {
  return (await page.evaluate('getComputedStyle(document.body).backgroundColor')) as string;
}
