/** The document of the deployment plan; its fields and values are a contract. */
export interface HealthDocument {
  status: 'healthy' | 'unhealthy';
  timestamp: string;
  version: string;
  services: {
    database: 'connected' | 'disconnected';
    /** The tutor's provider. The name is the plan's; the built-in offline provider counts as available. */
    openai: 'available' | 'unavailable';
    auth: 'operational' | 'down';
  };
}

/** What was found, in plain terms. */
export interface Findings {
  database: boolean;
  tutor: boolean;
  auth: boolean;
}

/** Puts findings into the document; healthy only when everything is. */
export function healthDocument(found: Findings, version: string, now: Date): HealthDocument {
  return {
    status: found.database && found.tutor && found.auth ? 'healthy' : 'unhealthy',
    timestamp: now.toISOString(),
    version,
    services: {
      database: found.database ? 'connected' : 'disconnected',
      openai: found.tutor ? 'available' : 'unavailable',
      auth: found.auth ? 'operational' : 'down',
    },
  };
}
