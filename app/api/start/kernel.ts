import router from '@adonisjs/core/services/router';
import server from '@adonisjs/core/services/server';

server.errorHandler(() => import('../app/exceptions/handler.ts'));
server.use([() => import('../app/middleware/response_headers.ts')]);
router.use([() => import('../app/middleware/same_origin.ts'), () => import('@adonisjs/core/bodyparser_middleware')]);

export const middleware = router.named({
  authenticate: () => import('../app/middleware/authenticate.ts'),
});
