/**
 * The certificate store, and one entry of it.
 *
 * @module
 */

import { certificateView, findCertificate, notAfter } from "../../admin/certificates.ts";
import type { CertificateKind, CertificatePlan } from "../../config/model.ts";
import { Heading, Section } from "../parts/layout.tsx";
import { Facts, Table } from "../parts/table.tsx";
import { counted, daysUntil, moment } from "../parts/words.ts";
import type { Page, PageContext } from "../page.ts";
import { certificatePath } from "../paths.ts";
import { WARN_DAYS } from "./attention.ts";
import { Users } from "./groups.tsx";

/** Both sections. */
export function certificatesPage({ view }: PageContext): Page {
  const { certificates, clientCAs } = view.model;
  return {
    title: "Certificates",
    section: "certificates",
    isLive: true,
    body: (
      <>
        <Heading title="Certificates">
          <a class="button primary" href="/new/certificate">Upload certificate</a>
        </Heading>
        <Section id="certificates" title="Certificates">
          <p class="hint">What TCP SSL listeners show to their clients.</p>
          <CertificateTable entries={[...certificates.values()]} now={view.takenAt} caption="Certificates" />
        </Section>
        <Section
          id="client-cas"
          title="Client CAs"
          actions={<a class="button" href="/new/client-ca">Upload client CA</a>}
        >
          <p class="hint">Who must have signed the certificates of clients, or those of servers reached over TLS.</p>
          <CertificateTable entries={[...clientCAs.values()]} now={view.takenAt} caption="Client CAs" />
        </Section>
      </>
    ),
  };
}

function CertificateTable({ entries, now, caption }: {
  readonly entries: readonly CertificatePlan[];
  readonly now: Date;
  readonly caption: string;
}) {
  return (
    <Table
      caption={caption}
      empty="There are none."
      columns={[
        { title: "Name" },
        { title: "For" },
        { title: "Issued by" },
        { title: "Valid until" },
        { title: "Days left" },
        { title: "Used by" },
      ]}
      rows={entries.map((entry) => {
        const [first] = entry.chain;
        const end = new Date(notAfter(entry) * 1000).toISOString();
        return [
          <span class="name">
            <a href={certificatePath(entry.kind, entry.name)}>{entry.name}</a>
            {!entry.persisted && <span class="hint">not saved</span>}
          </span>,
          <span class="message">
            {first.sans.map((san) => san.replace(/^(DNS|IP):/, "")).join(", ") || first.subject}
          </span>,
          <span class="message">{first.issuer}</span>,
          <time datetime={end}>{end.slice(0, 10)}</time>,
          <DaysLeft end={end} now={now} />,
          <Users names={entry.users} />,
        ];
      })}
    />
  );
}

function DaysLeft({ end, now }: { readonly end: string; readonly now: Date }) {
  const days = daysUntil(end, now);
  if (days < 0) return <span class="state" data-tone="bad">Expired {counted(-days, "day")} ago</span>;
  const left = `${counted(days, "day")} left`;
  if (days < 7) return <span class="state" data-tone="bad">Expires soon: {left}</span>;
  if (days < WARN_DAYS) return <span class="state" data-tone="warning">Renew it: {left}</span>;
  return <span class="state" data-tone="good">{left}</span>;
}

/** One entry. Throws the 404 answer when there is none of that name. */
export function certificatePage({ view }: PageContext, kind: CertificateKind, name: string): Page {
  const entry = findCertificate(view, { kind, name });
  const shown = certificateView(view, entry);
  const path = certificatePath(kind, name);
  return {
    title: name,
    section: "certificates",
    isLive: true,
    body: (
      <>
        <Heading title={name} above={<a href="/certificates">Certificates</a>}>
          <a class="button" href={`${path}/renew`}>Renew</a>
          <a class="button danger" href={`${path}/delete`}>Delete</a>
        </Heading>
        <p class="lead">
          {kind === "certificate" ? "A certificate" : "An entry of client CAs"}, used by: <Users names={shown.users} />
        </p>
        {shown.refused !== null && (
          <div class="note" data-kind="error">
            <p>
              <strong>Its changed files were refused:</strong> {shown.refused}. The old one serves on.
            </p>
          </div>
        )}
        <Section id="entry" title="Entry">
          <Facts
            facts={[
              [
                "Days left",
                <DaysLeft end={new Date(notAfter(entry) * 1000).toISOString()} now={view.takenAt} />,
              ],
              ["Certificate file", <code>{shown.certFile}</code>],
              ...(shown.keyFile === null ? [] : [["Key file", <code>{shown.keyFile}</code>] as const]),
              ["Saved", shown.persisted ? "yes" : "no: it serves until the next reload"],
            ]}
          />
        </Section>
        {shown.chain.map((one, index) => (
          <Section
            id={`chain-${index}`}
            title={shown.chain.length === 1 ? "Certificate" : `Certificate ${index + 1} of ${shown.chain.length}`}
          >
            <Facts
              facts={[
                ["Subject", one.subject === "" ? "–" : one.subject],
                ["Alternative names", one.sans.length === 0 ? "none" : one.sans.join(", ")],
                ["Issued by", one.issuer],
                ["Valid from", moment(one.validFrom)],
                ["Valid until", moment(one.validTo)],
                ["Key", one.keyType],
                ["Serial number", <span class="mono">{one.serial}</span>],
                ["SHA-256 fingerprint", <span class="mono">{one.fingerprint256}</span>],
              ]}
            />
          </Section>
        ))}
      </>
    ),
  };
}
