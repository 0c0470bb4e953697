import { expect, test } from "bun:test";
import { isSecretName, maskSecrets } from "./log-mask.ts";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA==\n-----END RSA PRIVATE KEY-----";

/** undefined = left as it is. */
const cases: readonly (readonly [text: string, masked: string | undefined])[] = [
  ["", undefined],
  ["an ordinary line of text, at 03:04:05 with a=1", undefined],
  ["password=hunter2 user=bob", "password=REDACTED user=bob"],
  ["password = hunter2", "password = REDACTED"],
  ["DB_PASSWORD=x;Pooling=1", "DB_PASSWORD=REDACTED;Pooling=1"],
  ["spring.datasource.password: hunter2", "spring.datasource.password: REDACTED"],
  ['{"password":"hun\\"ter","user":"bob"}', '{"password":"REDACTED","user":"bob"}'],
  ["{'api_key': 'abc', 'n': 1}", "{'api_key': 'REDACTED', 'n': 1}"],
  ['{\\"token\\":\\"abc\\",\\"n\\":1}', '{\\"token\\":\\"REDACTED\\",\\"n\\":1}'],
  ['"secret" => "abc", "n" => 1', '"secret" => "REDACTED", "n" => 1'],
  ["GET /x?access_token=abc&page=2", "GET /x?access_token=REDACTED&page=2"],
  ["apiKey: abc, next: 1", "apiKey: REDACTED, next: 1"],
  ["X-Api-Key: abc", "X-Api-Key: REDACTED"],
  ["token=null", undefined],
  ["token=", undefined],
  ["monkey=1 tokens=5 passwordless=yes", undefined],
  ["auth::token::verify failed", undefined],
  ['Authorization: Digest username="bob", response="0a"\nnext', "Authorization: REDACTED\nnext"],
  ["curl -H 'Authorization: Bearer abc' -v", "curl -H 'Authorization: REDACTED' -v"],
  ["Cookie: a=b; c=d", "Cookie: REDACTED"],
  ["sent Bearer abcdef123456 to x", "sent Bearer REDACTED to x"],
  ["Bearer authentication required", undefined],
  ["bearer dXNlcjpwYXNz ok", "bearer REDACTED ok"],
  ["Basic dXNlcjpwYXNz", "Basic REDACTED"],
  ["postgres://bob:hunter2@db/x", "postgres://REDACTED:REDACTED@db/x"],
  ["https://bob:p@ss@host/", "https://REDACTED:REDACTED@host/"],
  ["http://host:80/a@b", undefined],
  ["http://bob@host/", undefined],
  [`jwt ${jwt}.`, "jwt REDACTED"],
  ["eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIx", undefined],
  ["key AKIAIOSFODNN7EXAMPLE used", "key REDACTED used"],
  ["AKIASHORT", undefined],
  ["XAKIAIOSFODNN7EXAMPLE", undefined],
  [`ghp_${"a1".repeat(18)}`, "REDACTED"],
  ["xoxb-123456789012-abcdefghijkl", "REDACTED"],
  [`${pem}\ndone`, "REDACTED\ndone"],
  ["-----BEGIN PRIVATE KEY-----\nMIIE", "REDACTED"],
  ["-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", undefined],
  ["card 4111111111111111 ok", "card REDACTED ok"],
  ["card 4111111111111111.", "card REDACTED."],
  ["card 4111 1111 1111 1111 ok", "card REDACTED ok"],
  ["card 4111-1111-1111-1111", "card REDACTED"],
  ["card 378282246310005", "card REDACTED"],
  ["card 3782 822463 10005", "card REDACTED"],
  ["card 5555555555554444,", "card REDACTED,"],
  ["card 2223003122003222", "card REDACTED"],
  ["id 4111111111111112", undefined],
  ["at 1767323045123456768 ns", undefined],
  ["at 1767323045123 ms", undefined],
  ["x4111111111111111", undefined],
  ["0.4111111111111111", undefined],
  ["4111111111111111.5", undefined],
  ["2026-01-02 03:04:05", undefined],
  ["12345678-1234-4123-8123-123456789012", undefined],
  ["41111111111111111111111111", undefined],
];

for (const [text, masked] of cases) {
  test(`masks ${JSON.stringify(text.slice(0, 60))}`, () => {
    expect(maskSecrets(text)).toBe(masked ?? text);
  });
}

test("every secret of a line is masked", () => {
  expect(maskSecrets("password=a token=b AKIAIOSFODNN7EXAMPLE secret=c")).toBe(
    "password=REDACTED token=REDACTED REDACTED secret=REDACTED",
  );
});

test("names of secrets", () => {
  for (const name of [
    "password",
    "X-Auth-Token",
    "clientSecret",
    "aws_secret_access_key",
    "Cookie",
  ]) {
    expect(isSecretName(name)).toBe(true);
  }
  for (const name of ["pass", "key", "tokens", "monkey", "", "x".repeat(100), "authorized"]) {
    expect(isSecretName(name)).toBe(false);
  }
});
