/**
 * A second reading of the PROXY protocol, written from the specification alone and in another manner than the
 * implementation: one regular expression for a line, arithmetic on hexadecimal text for addresses, a bitwise checksum.
 * It knows whole inputs only, and answers with one line: what the header says and how long it is, `invalid`, or
 * `incomplete`. It is slow and does not share a line of code with what it is there to judge.
 *
 * @module
 */

const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])";
const QUAD = `${OCTET}(?:\\.${OCTET}){3}`;
const PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}|0)";
const TCP4 = new RegExp(`^PROXY TCP4 (${QUAD}) (${QUAD}) (${PORT}) (${PORT})\r\n`);
const TCP6 = new RegExp(`^PROXY TCP6 ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (${PORT}) (${PORT})\r\n`);
const UNKNOWN = /^PROXY UNKNOWN(?: [^]*?)?\r\n/;
const SIGNATURE = "0d0a0d0a000d0a515549540a";

/** What the specification makes of an input. */
export function referenceReading(bytes: Uint8Array): string {
  const latin1 = [...bytes].map((byte) => String.fromCharCode(byte)).join("");
  const hex = bytes.toHex();
  const head = hex.slice(0, SIGNATURE.length);
  if (hex !== "" && head === SIGNATURE.slice(0, head.length)) return readBinary(bytes, hex);
  return readLine(latin1);
}

function readLine(input: string): string {
  const line = input.slice(0, 107);
  const tcp4 = TCP4.exec(line);
  if (tcp4 !== null) return `PROXY ${tcp4[1]} ${tcp4[3]} ${tcp4[2]} ${tcp4[4]} length ${tcp4[0].length}`;
  const tcp6 = TCP6.exec(line);
  if (tcp6 !== null) {
    const [source, destination] = [expand(tcp6[1] ?? ""), expand(tcp6[2] ?? "")];
    if (source === undefined || destination === undefined) return "invalid";
    return `PROXY ${source} ${tcp6[3]} ${destination} ${tcp6[4]} length ${tcp6[0].length}`;
  }
  const unknown = UNKNOWN.exec(line);
  if (unknown !== null) return `UNKNOWN length ${unknown[0].length}`;
  return couldBecomeLine(line) ? "incomplete" : "invalid";
}

function couldBecomeLine(line: string): boolean {
  if (["PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN\r\n"].some((start) => start.startsWith(line))) return true;
  const forms: [RegExp, number][] = [
    [/^PROXY TCP4 [0-9. ]*\r?$/, 56],
    [/^PROXY TCP6 [0-9a-fA-F:. ]*\r?$/, 107],
    [/^PROXY UNKNOWN (?:[^\r]|\r(?!\n))*$/, 107],
  ];
  const room = line.endsWith("\r") ? 1 : 2;
  return forms.some(([form, longest]) => form.test(line) && line.length + room <= longest);
}

/** Eight groups of four digits (RFC 4291, section 2.2, forms 1 to 3); `undefined` for what is none of them. */
function expand(text: string): string | undefined {
  const tail = new RegExp(`^(.*:)(${QUAD})$`).exec(text);
  if (tail !== null) {
    const digits = (tail[2] ?? "").split(".").map((octet) => Number(octet).toString(16).padStart(2, "0")).join("");
    return expand(`${tail[1]}${digits.slice(0, 4)}:${digits.slice(4)}`);
  }
  const full = "[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})";
  if (new RegExp(`^${full}{7}$`).test(text)) {
    return text.split(":").map((group) => group.padStart(4, "0").toLowerCase()).join(":");
  }
  const short = new RegExp(`^((?:${full}*)?)::((?:${full}*)?)$`).exec(text);
  if (short === null) return undefined;
  const [left, right] = [short[1] ?? "", short[2] ?? ""].map((half) => half === "" ? [] : half.split(":"));
  const groups = (left?.length ?? 0) + (right?.length ?? 0);
  if (groups > 7) return undefined;
  return expand([...left ?? [], ...Array(8 - groups).fill("0"), ...right ?? []].join(":"));
}

function readBinary(bytes: Uint8Array, hex: string): string {
  const at = (offset: number, count: number) => hex.slice(2 * offset, 2 * (offset + count));
  const number = (offset: number, count: number) => parseInt(at(offset, count), 16);
  const command = at(12, 1);
  if (!["", "20", "21"].includes(command)) return "invalid";
  const kind = at(13, 1);
  if (command === "21" && kind !== "" && !/^[0-3][0-2]$/.test(kind)) return "invalid";
  if (bytes.length < 16) return "incomplete";
  const rest = number(14, 2);
  const blocks: Record<string, number> = { 11: 12, 12: 12, 21: 36, 22: 36, 31: 216, 32: 216 };
  const block = blocks[kind] ?? 0;
  if (command === "21" && rest < block) return "invalid";
  if (bytes.length < 16 + rest) return "incomplete";
  const unknown = `length ${16 + rest}`;
  if (command === "20") return `LOCAL ${unknown}`;
  const header = bytes.slice(0, 16 + rest);
  const strict = block > 0;
  const start = strict ? 16 + block : 16 + ({ "1": 12, "2": 36, "3": 216 }[kind.charAt(0)] ?? 0);
  const tlvs = splitTlvs(header, start);
  const sums = tlvs?.filter((tlv) => tlv.type === 3) ?? [];
  const isChecked = strict ? sums.length > 0 : sums.length === 1 && sums[0]?.length === 4;
  if (isChecked && (sums.length > 1 || !isSumRight(header, sums[0]?.offset ?? 0, sums[0]?.length ?? 0))) {
    return "invalid";
  }
  if (!strict) return `UNKNOWN ${unknown}`;
  if (tlvs === undefined || tlvs.some((tlv) => tlv.type === 5 && tlv.length > 128)) return "invalid";
  if (kind === "11") {
    const quad = (offset: number) => [0, 1, 2, 3].map((index) => number(offset + index, 1)).join(".");
    return `PROXY ${quad(16)} ${number(24, 2)} ${quad(20)} ${number(26, 2)} ${unknown}`;
  }
  if (kind === "21") {
    const groups = (offset: number) => at(offset, 16).replace(/(....)(?!$)/g, "$1:");
    return `PROXY ${groups(16)} ${number(48, 2)} ${groups(32)} ${number(50, 2)} ${unknown}`;
  }
  return `UNKNOWN ${unknown}`;
}

/** Where the TLVs are; `undefined` when the last does not end where the header does. */
function splitTlvs(
  header: Uint8Array,
  start: number,
): { type: number; length: number; offset: number }[] | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const found = [];
  for (let offset = start; offset < view.byteLength;) {
    try {
      const tlv = { type: view.getUint8(offset), length: view.getUint16(offset + 1), offset: offset + 3 };
      offset += 3 + tlv.length;
      if (tlv.length > 0) view.getUint8(offset - 1); // throws beyond the end
      found.push(tlv);
    } catch {
      return undefined;
    }
  }
  return found;
}

function isSumRight(header: Uint8Array, offset: number, length: number): boolean {
  if (length !== 4) return false;
  const given = new DataView(header.buffer, header.byteOffset).getUint32(offset);
  return bitwiseSum(header.map((byte, index) => index >= offset && index < offset + 4 ? 0 : byte)) === given;
}

/** CRC-32c by the book: one bit at a time. */
export function bitwiseSum(bytes: Uint8Array): number {
  let register = 0xffffffff;
  for (const byte of bytes) {
    register = (register ^ byte) >>> 0;
    for (let bit = 0; bit < 8; bit++) {
      const out = register % 2;
      register = Math.floor(register / 2);
      if (out === 1) register = (register ^ 0x82f63b78) >>> 0;
    }
  }
  return (register ^ 0xffffffff) >>> 0;
}

/** An address with eight groups of four digits, or as it is: what the reference writes for a canonical one. */
export function spelledOut(address: string): string {
  return address.includes(":") ? expand(address) ?? `not an address: ${address}` : address;
}
