/**
 * What validation has made sure of.
 *
 * @module
 */

/** The value, which validation has made sure of: a miss is a mistake of ours, not of the user. @throws {Error} */
export function known<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`Cannot resolve "${what}": validation let it pass`);
  return value;
}
