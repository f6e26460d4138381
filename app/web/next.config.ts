import path from 'node:path';
import type { NextConfig } from 'next';

const root = path.join(import.meta.dirname, '../..');

const config: NextConfig = {
  output: 'standalone',
  outputFileTracingRoot: root,
  turbopack: { root },
  // The edge compresses; Next would hold back small frames of a stream.
  compress: false,
  poweredByHeader: false,
  images: { unoptimized: true },
  // `tsc -p app/web` is a gate of its own.
  typescript: { ignoreBuildErrors: true },
};

export default config;
