import { z } from 'zod';
export const A = z.object({ a: z.number() });
