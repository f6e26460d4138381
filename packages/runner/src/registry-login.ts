import type { InputReader } from './inputs.ts';

/** The inputs `registry-username` and `registry-password`: both or neither. The user goes into `user:password` and JSON as it is. */
export function registryLogin(input: InputReader): { username: string; password: string } | null {
  const username = input.optional('registry-username', {
    pattern: /^[^\s:"\\]+$/,
    allowed: 'a user name without blanks, colons and quotes',
    maxLength: 255,
  });
  const password = input.secret('registry-password');
  if (username === null && password === null) return null;
  if (username === null) input.reject('registry-username', 'nothing', 'the user that "registry-password" belongs to');
  if (password === null) input.reject('registry-password', 'nothing', 'the password or token of "registry-username"');
  return { username: username ?? '', password: password ?? '' };
}
