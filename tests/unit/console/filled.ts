/** Forms of the console as a browser fills them. @module */

/** What a form sends. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** What a browser would send of a page's form as it is, with other texts in some fields. */
export function filled(html: string, changes: Fields = {}): Fields {
  const form = /<form method="post"[^>]*class="card stack".*?<\/form>/s.exec(html)?.[0] ?? "";
  const fields = new Map<string, string[]>();
  const add = (name: string, value: string) => fields.set(name, [...fields.get(name) ?? [], unescaped(value)]);
  const elements = /<input ([^>]*)\/>|<textarea ([^>]*)>\n?([^<]*)<\/textarea>|<select ([^>]*)>(.*?)<\/select>/gs;
  for (const [, input, area, text = "", select, options = ""] of form.matchAll(elements)) {
    const attributes = input ?? area ?? select ?? "";
    const name = /(?:^| )name="([^"]*)"/.exec(attributes)?.[1];
    if (name === undefined || / disabled=""/.test(attributes)) continue;
    if (area !== undefined) add(name, text);
    else if (select !== undefined) {
      add(
        name,
        (/<option value="([^"]*)" selected/.exec(options) ?? /<option value="([^"]*)"/.exec(options))?.[1] ?? "",
      );
    } else if (!/type="checkbox"/.test(attributes) || / checked=""/.test(attributes)) {
      add(name, / value="([^"]*)"/.exec(attributes)?.[1] ?? "");
    }
  }
  return { ...Object.fromEntries(fields), ...changes };
}

/** HTML text as it is shown. */
export function unescaped(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
