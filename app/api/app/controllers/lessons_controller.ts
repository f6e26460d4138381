import type { HttpContext } from '@adonisjs/core/http';
import { lessons } from '../../tutor/lessons/index.ts';

export default class LessonsController {
  /** The built-in lessons, without their content. */
  async index({ response }: HttpContext): Promise<void> {
    response.send({
      lessons: lessons.map(({ id, subject, language, title, ask }) => ({ id, subject, language, title, ask })),
    });
  }
}
