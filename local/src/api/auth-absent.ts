import { AuthProblem } from "./auth-answers.ts";

/** A request to Auth. If its body is JSON, it is parsed. */
export interface AuthCall {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

/**
 * Refuses everything that the embedded Auth does not have. The refusals have the words of GoTrue in
 * a project where the feature is switched off.
 */
export function absent({ method, path, query, body }: AuthCall): AuthProblem | undefined {
  const grant = query.get("grant_type");
  const posted = method === "POST";
  if (posted && path === "/signup") {
    if (!body.email && !body.phone)
      return off(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled");
    if (!body.email) return off(400, "phone_provider_disabled", "Phone signups are disabled");
  }
  if (posted && path === "/token") {
    if (grant === "password" && body.phone && !body.email)
      return off(422, "phone_provider_disabled", "Phone logins are disabled");
    if (grant === "id_token")
      return off(400, "provider_disabled", `Provider ${body.provider ?? ""} is not enabled`);
    if (grant === "web3") return off(422, "web3_provider_disabled", "Web3 provider is disabled");
  }
  const phone = body.phone && !body.email;
  if (posted && (path === "/otp" || path === "/verify") && phone)
    return off(400, "phone_provider_disabled", "Unsupported phone provider");
  if (
    posted &&
    path === "/resend" &&
    (phone || body.type === "sms" || body.type === "phone_change")
  )
    return off(400, "phone_provider_disabled", "Phone logins are disabled");
  if (method === "PUT" && path === "/user" && body.phone)
    return off(400, "phone_provider_disabled", "Unsupported phone provider");
  if (path === "/factors") {
    const [code, name] = factors[String(body.factor_type)] ?? factors.totp;
    return off(422, `mfa_${code}_enroll_not_enabled`, `MFA enroll is disabled for ${name}`);
  }
  if (path.startsWith("/factors/")) return off(404, "mfa_factor_not_found", "Factor not found");
  return switchedOff.find(({ under }) => under.test(path))?.problem();
}

const off = (status: number, code: string, message: string) =>
  new AuthProblem(status, code, message);

const factors: Record<string, [code: string, name: string]> & { totp: [string, string] } = {
  totp: ["totp", "TOTP"],
  phone: ["phone", "Phone"],
  webauthn: ["webauthn", "WebAuthn"],
};

const switchedOff = [
  ["/passkeys", 404, "passkey_disabled", "Passkeys are disabled"],
  ["/sso", 404, "saml_provider_disabled", "SAML 2.0 is disabled"],
  ["/user/identities", 404, "manual_linking_disabled", "Manual linking is disabled"],
  ["/user/oauth", 404, "feature_disabled", "OAuth server is disabled"],
  ["/oauth", 404, "feature_disabled", "OAuth server is disabled"],
  ["/.well-known/oauth-authorization-server", 404, "feature_disabled", "OAuth server is disabled"],
  ["/scim", 404, "feature_disabled", "SCIM server is disabled"],
].map(([path, status, code, message]) => ({
  under: new RegExp(`^${String(path).replaceAll(".", "\\.")}(/|$)`),
  problem: () => off(Number(status), String(code), String(message)),
}));
