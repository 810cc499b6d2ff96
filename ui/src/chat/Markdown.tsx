import { marked, type Token, type Tokens } from "marked";
import { memo, type ReactNode } from "react";

const SAFE = /^(https?:|mailto:)/i;
/** Characters that reorder or hide text are shown, so that no name or command can look like another. */
const HIDDEN = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
export const visible = (text: string): string => text.replace(HIDDEN, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase()}⟩`);

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
const unescape = (text: string) => text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);

function Link({ href, children }: { href: string; children: ReactNode }): ReactNode {
  if (!SAFE.test(href)) return <>{children}</>;
  const host = URL.canParse(href) ? new URL(href).host : "";
  return (
    <a className="link" href={href} target="_blank" rel="noopener noreferrer">
      {children}
      {host && <span className="dim"> ({host})</span>}
    </a>
  );
}

function inline(tokens: Token[] | undefined): ReactNode[] {
  return (tokens ?? []).map((token, at) => {
    const inner = "tokens" in token ? inline(token.tokens) : null;
    switch (token.type) {
      case "strong": return <strong key={at}>{inner}</strong>;
      case "em": return <em key={at}>{inner}</em>;
      case "del": return <s key={at}>{inner}</s>;
      case "codespan": return <code key={at}>{visible(unescape((token as Tokens.Codespan).text))}</code>;
      case "br": return <br key={at} />;
      case "link": return <Link key={at} href={(token as Tokens.Link).href}>{inner}</Link>;
      // A remote picture would tell its server who reads: only its name is shown.
      case "image": return <Link key={at} href={(token as Tokens.Image).href}>{(token as Tokens.Image).text || "Image"}</Link>;
      case "escape": return <span key={at}>{(token as Tokens.Escape).text}</span>;
      case "text": return <span key={at}>{inner?.length ? inner : visible(unescape((token as Tokens.Text).text))}</span>;
      default: return <span key={at}>{visible(token.raw)}</span>; // HTML is text here
    }
  });
}

function List({ token }: { token: Tokens.List }): ReactNode {
  const items = token.items.map((item, at) => <li key={at}>{blocks(item.tokens)}</li>);
  return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ token }: { token: Tokens.Table }): ReactNode {
  return (
    <table>
      <thead><tr>{token.header.map((cell, at) => <th key={at}>{inline(cell.tokens)}</th>)}</tr></thead>
      <tbody>{token.rows.map((row, at) => <tr key={at}>{row.map((cell, i) => <td key={i}>{inline(cell.tokens)}</td>)}</tr>)}</tbody>
    </table>
  );
}

function block(token: Token, key: number): ReactNode {
  switch (token.type) {
    case "space": case "def": return null;
    case "heading": return <p key={key}><strong>{inline((token as Tokens.Heading).tokens)}</strong></p>;
    case "paragraph": return <p key={key}>{inline((token as Tokens.Paragraph).tokens)}</p>;
    case "text": return <span key={key}>{inline((token as Tokens.Text).tokens ?? [token])}</span>;
    case "code": return <pre key={key}>{visible((token as Tokens.Code).text)}</pre>;
    case "blockquote": return <blockquote key={key}>{blocks((token as Tokens.Blockquote).tokens)}</blockquote>;
    case "list": return <List key={key} token={token as Tokens.List} />;
    case "table": return <Table key={key} token={token as Tokens.Table} />;
    case "hr": return <hr key={key} />;
    default: return <p key={key}>{visible(token.raw)}</p>;
  }
}

const blocks = (tokens: Token[]): ReactNode[] => tokens.map(block);

const Block = memo(function Block({ raw }: { raw: string }): ReactNode {
  return <>{blocks(marked.lexer(raw))}</>;
});

/** Markdown as React elements. Finished blocks keep their text, so only the last one is parsed again while it streams. */
export function Markdown({ text }: { text: string }): ReactNode {
  return <>{marked.lexer(text).map((token, at) => <Block key={at} raw={token.raw} />)}</>;
}
