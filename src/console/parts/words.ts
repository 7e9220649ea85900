/**
 * Numbers, times and states as the console writes them. Pure.
 *
 * @module
 */

import { formatBytes } from "../../text/units.ts";

const NUMBER = new Intl.NumberFormat("en");

/** `12,345` */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** `3 servers`, `1 server` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `0`, `0.4`, `12`, `1,234` */
export function decimal(value: number): string {
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : count(Math.round(value));
}

/** `1.5 MB/s` */
export function bytesPerSecond(value: number): string {
  return `${formatBytes(Math.round(value))}/s`;
}

/** `2026-11-20 13:00:00 UTC` */
export function moment(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** How long ago something was, in the largest unit. @param milliseconds since then */
export function ago(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return "less than a minute ago";
  if (minutes < 60) return `${counted(minutes, "minute")} ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${counted(hours, "hour")} ago` : `${counted(Math.floor(hours / 24), "day")} ago`;
}

/** `health_changed` as people say it: `Health changed`. */
export function sentence(word: string): string {
  const text = word.replaceAll("_", " ").replaceAll("-", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Full days until a moment, negative when it is past. */
export function daysUntil(iso: string, now: Date): number {
  return Math.floor((Date.parse(iso) - now.getTime()) / 86_400_000);
}

/** How well something is: decides colour and sign, never the words. */
export type Tone = "good" | "bad" | "warning" | "neutral";

const TONES: Readonly<Record<string, Tone>> = {
  Healthy: "good",
  Abnormal: "bad",
  Unknown: "neutral",
  Disabled: "neutral",
  Draining: "warning",
  Accepting: "good",
  Starting: "neutral",
  Restarting: "bad",
  "Not ready": "bad",
  Ready: "good",
  Info: "neutral",
  Warning: "warning",
  Error: "bad",
};

/** How well a state is. */
export function toneOf(state: string): Tone {
  return TONES[state] ?? "neutral";
}
