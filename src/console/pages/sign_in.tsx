/**
 * Signing in with the admin token.
 *
 * @module
 */

import { Bare } from "../parts/layout.tsx";

/** The page. @param next where to go then, @param error why it did not work, if it was tried */
export function SignInPage({ next, error }: { readonly next: string; readonly error: string | undefined }) {
  return (
    <Bare title="Sign in">
      <h1>Sign in</h1>
      <form method="post" action="/sign-in" class="stack">
        <input type="hidden" name="next" value={next} />
        {/* So that password managers keep the token under a name. */}
        <input
          class="quiet"
          type="text"
          name="username"
          value="weir"
          autocomplete="username"
          tabindex={-1}
          readonly
          aria-hidden="true"
        />
        <div class="field">
          <label for="token">Admin token</label>
          <input
            type="password"
            id="token"
            name="token"
            required
            autofocus
            autocomplete="current-password"
            aria-describedby={error === undefined ? "token-hint" : "token-error token-hint"}
            aria-invalid={error === undefined ? undefined : "true"}
          />
          {error !== undefined && <p class="error" id="token-error" role="alert">{error}</p>}
          <p class="hint" id="token-hint">
            It is <code>admin.token</code> of the configuration.
          </p>
        </div>
        <button type="submit" class="primary">Sign in</button>
      </form>
    </Bare>
  );
}
