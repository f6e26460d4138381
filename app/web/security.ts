/** Security headers of the front end's pages. */

/**
 * The headers of every response.
 * @param scriptHashes CSP sources of the inline scripts that the build wrote, such as `'sha256-…'`.
 */
export function securityHeaders(scriptHashes: readonly string[], releaseId: string): Record<string, string> {
  return {
    'X-Release': releaseId,
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'strict-origin-when-cross-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Content-Security-Policy': [
      "default-src 'none'",
      ["script-src 'self'", ...scriptHashes].join(' '),
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "manifest-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}
