"""The options of Gloo Gateway 1.x to what they are called now.

PURE. A policy of `rbac` becomes CEL over the claims of a verified token: what is not there does not match.
Obeys: labs E3 and E4; docs.solo.io, RBAC (read 2026-11-21).
"""

import msgspec

from sluice.config.access_api import AuthorizationSettings, JwtProvider, JwtSettings, Keys, Rules
from sluice.config.limit_api import GlobalLimit, OptionLimit
from sluice.config.policy_api import Traffic
from sluice.config.route_option_api import JwtPrincipal, LegacyJwt, LegacyRbac, RbacPolicy, RouteOptions
from sluice.config.traffic_api import Timeouts


def of_options(options: RouteOptions) -> Traffic:
    """Return what they say of traffic."""
    timeout, configs = options.timeout_s, options.rate_limit_configs
    limit = None if configs is None else OptionLimit(global_=GlobalLimit(rate_limit_config_refs=configs.refs))
    return Traffic(
        timeouts=None if timeout is None else Timeouts(request=timeout),
        jwt_authentication=None if options.jwt is None else _jwt(options.jwt),
        authorization=None if options.rbac is None else _rbac(options.rbac),
        ent_rate_limit=limit,
    )


def _jwt(spec: LegacyJwt) -> JwtSettings | None:
    """`allowMissingOrFailedJwt` is what is called Permissive now."""
    providers = tuple(
        JwtProvider(issuer=item.issuer, audiences=item.audiences, jwks=Keys(inline=item.jwks.local.key))
        for item in spec.providers.values()
        if item.jwks.local is not None
    )
    if not providers:
        return None  # those that are left were refused as not implemented
    return JwtSettings(mode="Permissive" if spec.allow_missing_or_failed_jwt else "Strict", providers=providers)


def _rbac(spec: LegacyRbac) -> AuthorizationSettings:
    """One rule that has to hold, so that those of several objects narrow each other."""
    text = " || ".join(_policy(policy) for policy in spec.policies.values())
    return AuthorizationSettings(action="Require", policy=Rules(match_expressions=(text,)))


def _policy(policy: RbacPolicy) -> str:
    who = " || ".join(_principal(item.jwt_principal, policy.nested_claim_delimiter) for item in policy.principals)
    parts = [f"({who})"]
    if policy.permissions.path_prefix is not None:
        parts.append(f"request.path.startsWith({_text(policy.permissions.path_prefix)})")
    if policy.permissions.methods:
        parts.append(f"request.method in [{', '.join(map(_text, policy.permissions.methods))}]")
    return f"({' && '.join(parts)})"


def _principal(spec: JwtPrincipal, delimiter: str | None) -> str:
    return "(" + " && ".join(_claim(spec, delimiter, name, value) for name, value in spec.claims.items()) + ")"


def _claim(spec: JwtPrincipal, delimiter: str | None, name: str, value: str) -> str:
    steps = name.split(delimiter) if delimiter else [name]
    claim = "jwt" + "".join(f"[{_text(step)}]" for step in steps)
    match spec.matcher:
        case "EXACT_STRING":
            return f"{claim} == {_text(value)}"
        case "BOOLEAN":
            return f"{claim} == {'true' if value == 'true' else 'false'}"
        case "LIST_CONTAINS":
            return f"{_text(value)} in {claim}"
        case "REGEX_MATCH":
            return f"{claim}.matches({_text(f'^(?:{value})$')})"


def _text(value: str) -> str:
    """A string literal of CEL: JSON's are among them."""
    return msgspec.json.encode(value).decode()
