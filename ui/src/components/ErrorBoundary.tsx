import { Component, type ErrorInfo, type ReactNode } from "react";
import { Button } from "./Button";

interface Props {
  children: ReactNode;
}

/** A part of the page that could not be drawn says so instead of taking the page with it. */
export class ErrorBoundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    // The browser's own console is where a developer looks; nothing is sent anywhere.
    reportError(new Error(`${error.message}${info.componentStack ?? ""}`, { cause: error }));
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="plain-page">
        <h1>That did not work</h1>
        <p>This part of the page could not be drawn. Your versions are kept on the server.</p>
        <pre className="excerpt">{error.message}</pre>
        <Button look="primary" size="lg" onClick={() => location.reload()}>Load the page again</Button>
      </div>
    );
  }
}
