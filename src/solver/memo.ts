/** The value of a key, made once, whoever asks first. */
export function memo<K, V>(map: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    // Whoever asked gets the rejection; a second asker may come late.
    value.catch(() => {});
    map.set(key, value);
  }
  return value;
}
