"""The page about decisions: what guards found, what limits refused, and what let something pass unseen."""

from tools.grafana import Dashboard, Panel, Query, Row
from tools.panels import part, quantile, rate

_CHECKS = "guardrail_checks_total"

_NOW = Row(
    "Now",
    (
        Panel(
            title="Looks of guards",
            about="At requests and at answers, a second. None although guards are configured: they are attached to "
            "nothing that is asked.",
            queries=(Query(rate(_CHECKS, "@route")),),
            unit="ops",
            kind="stat",
            width=6,
            height=4,
        ),
        Panel(
            title="Rejected by guards",
            about="Share of looks that ended in a rejection. Above 20 % somebody attacks, or a rule is too wide.",
            queries=(Query(part(_CHECKS, 'action="Reject"', "@route")),),
            unit="percentunit",
            kind="stat",
            worry=0.2,
            width=6,
            height=4,
        ),
        Panel(
            title="Passed without a look",
            about="Looks a second that could not be had and let pass, by `failureMode: FailOpen`. Anything above 0 is "
            "text that nobody judged.",
            queries=(Query(rate(_CHECKS, '@route, action="FailOpen"') + " or vector(0)"),),
            unit="ops",
            kind="stat",
            worry=0.001,
            width=6,
            height=4,
        ),
        Panel(
            title="Refused by limits",
            about="Share of requests that a limit or a budget refused.",
            queries=(Query(part("requests_total", 'reason="RateLimit"', "@route")),),
            unit="percentunit",
            kind="stat",
            worry=0.1,
            width=6,
            height=4,
        ),
    ),
)

_GUARDS = Row(
    "Guards",
    (
        Panel(
            title="Looks by action",
            about="Of requests and of answers: allowed, masked, rejected, or not to be had.",
            queries=(Query(rate(_CHECKS, "@route", by="phase, action"), "{{phase}} {{action}}"),),
            unit="ops",
            stacked=True,
        ),
        Panel(
            title="What guards found",
            about="Hits by the guard that found them. A rule without hits for weeks may be dead; one with many may be "
            "too wide.",
            queries=(Query(rate("guardrail_hits_total", "@route", by="guard, action"), "{{guard}} {{action}}"),),
            unit="ops",
        ),
        Panel(
            title="Streams that guards ended",
            about="Answers that had begun and were cut. Their readers saw the first part.",
            queries=(
                Query(
                    rate("stream_outcomes_total", '@model, outcome="blocked"', by="gen_ai_request_model"),
                    "{{gen_ai_request_model}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            title="Services that policies ask (p95)",
            about="Guards, authorizers and rate-limit services. Their time is part of every first token.",
            queries=(
                Query(
                    quantile(0.95, "upstream_call_duration_seconds", '@node, kind="Policy"', by="subtype") + " >= 0",
                    "{{subtype}}",
                ),
            ),
            unit="s",
            worry=0.5,
            width=24,
            height=6,
        ),
    ),
)

_LIMITS = Row(
    "Limits and access",
    (
        Panel(
            title="Refused or cut, by limit",
            about="Which limit it was. One that is always here is too low for who it is for.",
            queries=(Query(rate("rate_limited_total", "@node", by="limit"), "{{limit}}"),),
            unit="reqps",
        ),
        Panel(
            title="Budgets",
            about="Share that was spent or reserved when each was asked last, in its period; of a budget for each user "
            "the fullest. At 1 requests are refused until the period ends. None: nobody asked it in this period.",
            queries=(Query("max by (budget) (agentgateway_budget_used_ratio{@node})", "{{budget}}"),),
            unit="percentunit",
            worry=0.9,
        ),
        Panel(
            title="Admitted although a limit could not be asked",
            about="The shared store or the rate-limit service does not answer: limits do not hold meanwhile.",
            queries=(Query(rate("rate_limits_failed_open_total", "@node", by="limit"), "{{limit}}"),),
            unit="reqps",
            worry=0.001,
        ),
        Panel(
            title="Refused, by reason",
            about="Everything that this gateway itself refused: credentials, permissions, limits, guards, bad "
            "requests.",
            queries=(
                Query(
                    rate(
                        "requests_total", '@route, status=~"4..", reason!~"Upstream|ClientGone|SlowReader"', by="reason"
                    ),
                    "{{reason}}",
                ),
            ),
            unit="reqps",
            stacked=True,
        ),
        Panel(
            title="Targets at rest",
            about="Rests that targets were given after failures, or because their provider asked for one. Their load "
            "went to the next in the group.",
            queries=(Query(rate("target_rests_total", "@node", by="target"), "{{target}}"),),
            unit="ops",
            width=12,
        ),
        Panel(
            title="Copies for mirrors",
            about="What became of the copies of requests. Failures of copies never reach clients.",
            queries=(Query(rate("mirrored_requests_total", "@node", by="backend, result"), "{{backend}} {{result}}"),),
            unit="reqps",
            width=12,
        ),
    ),
)

GUARDS = Dashboard(
    uid="sluice-guards",
    title="Sluice: guards and limits",
    about="What guards found, what limits refused, and what passed without a look.",
    rows=(_NOW, _GUARDS, _LIMITS),
)
