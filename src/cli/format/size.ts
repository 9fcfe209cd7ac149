const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `12.3MB`: decimal units with three digits, as in Docker's listings. go-units `HumanSizeWithPrecision`. */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, DECIMAL, digits);
}

/** `100MiB`: binary units with four digits, as Docker shows memory. go-units `BytesSize`. */
export function humanBytes(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  // Go's %g: no trailing zeros.
  return `${Number(size.toPrecision(digits))}${units[unit]}`;
}
