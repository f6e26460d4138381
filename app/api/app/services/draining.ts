/** Whether this process was told to stop: it then asks every client to close its connection after the answer. */
export const draining = { active: false };
