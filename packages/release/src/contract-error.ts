/**
 * A document or a value that does not keep the contract.
 * `code` is stable and may be tested by programs; `message` is one line for people. It names the field, what was found and what is
 * allowed, and never holds the value of a secret.
 */
export class ContractError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ContractError';
    this.code = code;
  }
}
