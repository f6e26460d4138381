import { makeManifest, seal, type Sealed, type SealInput } from '@delivery/stack';
import type { Manifest } from '@delivery/release';

/** A stack with every role and most of what compose files do. */
export const SAMPLE = `
name: whatever
x-release: { app: shop }
x-common: &common
  environment: &env { LOG: info }
  security_opt: ['no-new-privileges:true']
services:
  web:
    <<: *common
    build:
      context: ./web
      args: { VERSION: '\${VERSION:-dev}', PRICE: 5$$ }
    environment:
      <<: *env
      SESSION_KEY: \${SESSION_KEY:?is needed}
      DB: mongodb://mongo/\${DB_NAME:-shop}
    env_file: [.env, ./config/defaults.conf]
    depends_on: [mongo, api]
    networks: [inner]
    deploy: { replicas: 2, resources: { limits: { memory: 256M } } }
    volumes: ['uploads:/uploads', './conf/web.json:/etc/web.json']
    x-release:
      role: web
      port: 3000
      replicas: 2
      routes: [{ host: '\${SHOP_HOST:-shop.example}' }, { host: shop.example, path: /admin }]
      health: { json: { status: healthy } }
      probes: { get: / }
      drainSeconds: 40
      shared: [uploads]
  api:
    image: \${REPO:-local}/api
    build: ./api
    environment: [PORT=3333, 'MODE=\${MODE-prod}']
    labels: [team=a]
    x-release: { role: web, port: 3333, routes: [{ host: api.shop.example, path: /v1/ }] }
  mailer.eu:
    build: { context: ./api, additional_contexts: { base: 'service:api' } }
    depends_on: { api: { condition: service_healthy } }
    x-release: { role: worker }
  migrate:
    image: local/migrate
    profiles: [job]
    environment: { ADMIN: '\${ADMIN_URL}' }
    x-release: { role: job }
  mongo:
    image: mongo:8
    container_name: mongo
    volumes: ['data:/data/db', './mongo/init.js:/docker-entrypoint-initdb.d/init.js:ro']
    environment: { MONGO_INITDB_ROOT_PASSWORD: '\${MONGO_PASSWORD:?}' }
    configs: [{ source: conf, target: /etc/mongo.conf, mode: 0440 }]
    secrets: [dbkey]
    stop_grace_period: 1m
    x-release: { role: backing }
  proxy:
    image: traefik:v3
    ports: ['80:80']
    environment: { A: '\${EDGE_ONLY:?}' }
    x-release: { role: edge }
volumes: { data: { driver_opts: { size: 1g } }, uploads: {}, unused: {} }
configs: { conf: { file: ./mongo/mongo.conf } }
secrets: { dbkey: { environment: DB_KEY } }
networks: { inner: { internal: true } }
`;

export const RELEASE = '20260101T000000Z-abcdef0';
export const imageOf = (letter: string): string => `registry.test:5000/shop/x@sha256:${letter.repeat(64)}`;
export const IMAGES = {
  web: imageOf('a'),
  api: imageOf('b'),
  'mailer.eu': imageOf('b'),
  migrate: imageOf('b'),
  mongo: imageOf('c'),
};

export function sealSample(overrides: Partial<SealInput> = {}): Sealed {
  return seal({ composeText: SAMPLE, variables: {}, images: IMAGES, release: RELEASE, ...overrides });
}

export function manifestOf(sealed: Sealed, release = RELEASE, version = '1.2'): Manifest {
  return makeManifest({
    sealed,
    release,
    commit: 'abcdef0',
    created: '2026-01-01T00:00:00Z',
    version,
    platforms: { web: ['linux/amd64'] },
    files: {},
  });
}

/** A one-service file around the keys of its web service, and seal for it. */
export function webFile(service: string, top = ''): string {
  return `x-release: { app: shop }
services:
  web:
    image: local/web
    x-release: { role: web, port: 3000, routes: [{ host: shop.example }], shared: [data, v, /opt/shop/data/up] }
${service.replace(/^/gm, '    ')}
${top}`;
}
