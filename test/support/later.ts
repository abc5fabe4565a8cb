/** A promise that a test resolves when it likes. */
export function later<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((give) => {
    resolve = give;
  });
  return { promise, resolve };
}
