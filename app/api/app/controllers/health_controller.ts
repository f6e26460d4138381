import type { HttpContext } from '@adonisjs/core/http';
import { answers, database } from '../../start/services.ts';
import { settings } from '../../start/settings.ts';
import { type HealthDocument, healthDocument } from '../services/health.ts';

/** Probes come every 100 ms during a deployment: one look at the database serves those of this time. */
const FRESH_MS = 250;
let last: { at: number; findings: Promise<{ database: boolean; tutor: boolean; auth: boolean }> } | null = null;

export default class HealthController {
  async show({ response }: HttpContext): Promise<void> {
    const document = await current();
    response.status(document.status === 'healthy' ? 200 : 503).send(document);
  }
}

async function current(): Promise<HealthDocument> {
  const now = Date.now();
  if (last === null || now - last.at > FRESH_MS) last = { at: now, findings: look() };
  return healthDocument(await last.findings, settings.version, new Date());
}

async function look(): Promise<{ database: boolean; tutor: boolean; auth: boolean }> {
  const [reachable, readable] = await Promise.all([database.reachable(), database.accountsReadable()]);
  return { database: reachable, tutor: answers.available(), auth: readable };
}
