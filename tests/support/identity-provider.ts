import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";

const AUDIENCE = "/projects/1/global/backendServices/2";
const ISSUER = "https://cloud.google.com/iap";
const KEY_ID = "key-1";

interface Assertion {
  readonly email?: string;
  readonly audience?: string;
  readonly issuer?: string;
  /** Seconds from now. */
  readonly expiresIn?: number;
  /** Seconds from now; a minute ago unless it is said. */
  readonly issuedIn?: number;
  /** Signed with a key that is not the proxy's, under the proxy's key id. */
  readonly forged?: boolean;
}

export interface IdentityProvider {
  readonly env: Readonly<Record<string, string>>;
  assertion(claims?: Assertion): Promise<string>;
  /** How often the keys were fetched. */
  fetched(): number;
  close(): Promise<void>;
}

/** Signs as Google's Identity-Aware Proxy does, and serves its keys. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  const own = await generateKeyPair("ES256");
  const other = await generateKeyPair("ES256");
  const keys: JWK[] = [
    { ...(await exportJWK(own.publicKey)), kid: KEY_ID, alg: "ES256", use: "sig" },
  ];
  let fetched = 0;
  const server = createServer((_, response) => {
    fetched += 1;
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port.");
  return {
    env: {
      AUTH: "iap",
      IAP_AUDIENCE: AUDIENCE,
      IAP_JWKS_URL: `http://127.0.0.1:${address.port}/keys`,
    },
    assertion: ({
      email = "user@example.org",
      audience = AUDIENCE,
      issuer = ISSUER,
      expiresIn = 600,
      issuedIn = Math.min(0, expiresIn) - 60,
      forged = false,
    } = {}) => {
      const now = Math.floor(Date.now() / 1_000);
      return new SignJWT({ email })
        .setProtectedHeader({ alg: "ES256", kid: KEY_ID })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(`accounts.google.com:${email}`)
        .setIssuedAt(now + issuedIn)
        .setExpirationTime(now + expiresIn)
        .sign(forged ? other.privateKey : own.privateKey);
    },
    fetched: () => fetched,
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}
