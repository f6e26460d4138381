import router from '@adonisjs/core/services/router';
import { middleware } from './kernel.ts';

const AuthController = () => import('../app/controllers/auth_controller.ts');
const ChatsController = () => import('../app/controllers/chats_controller.ts');
const HealthController = () => import('../app/controllers/health_controller.ts');
const LessonsController = () => import('../app/controllers/lessons_controller.ts');
const MessagesController = () => import('../app/controllers/messages_controller.ts');

router.get('/health', [HealthController, 'show']).as('health');
router.get('/api/health', [HealthController, 'show']).as('api.health');

router
  .group(() => {
    router.post('auth/register', [AuthController, 'register']);
    router.post('auth/login', [AuthController, 'login']);
    router.post('auth/logout', [AuthController, 'logout']);
    router.get('auth/me', [AuthController, 'me']);
    router.get('lessons', [LessonsController, 'index']);

    router
      .group(() => {
        router.get('chats', [ChatsController, 'index']);
        router.post('chats', [ChatsController, 'store']);
        router.get('chats/:id', [ChatsController, 'show']);
        router.delete('chats/:id', [ChatsController, 'destroy']);
        router.post('chats/:id/messages', [ChatsController, 'ask']);
        router.get('messages/:id/stream', [MessagesController, 'stream']);
      })
      .use(middleware.authenticate());
  })
  .prefix('/api/v1');
