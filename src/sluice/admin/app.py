"""The application of the admin address, the same for one process and for a group of workers.

    /, /ui                     the live page
    /api/live                  what is seen now: one snapshot, or one a second as server-sent events
    /api/plan                  who is asked for what: routes, models, ports
    /api/try                   the page's form: see `trial`
    /config_dump, /status      the plan in use, secrets hidden; the conditions of its objects
    /logging                   the log's level

Read-only but for the level and the form. Hosts other than this machine's names are refused.
"""

import time

import msgspec
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sluice.admin import page
from sluice.admin.callers import LOCAL_HOSTS, of_a_page
from sluice.admin.house import House
from sluice.admin.sealed import Sealed
from sluice.admin.trial import Trials
from sluice.admin.watch import NOBODY, Watch


def admin_app(house: House) -> Starlette:
    """Return it. Its `state.end` ends the answers that do not end by themselves: call it before the server closes."""
    watch, trials = Watch(house, time.monotonic), Trials(house)

    async def config_dump(request: Request) -> Response:
        said = await house.dump()
        return _nobody() if said is None else Response(said, media_type="application/json")

    async def status(request: Request) -> Response:
        said = await house.dump()
        return _nobody() if said is None else JSONResponse({"objects": msgspec.json.decode(said)["statuses"]})

    async def logging(request: Request) -> Response:
        if of_a_page(request):
            return JSONResponse({"error": "pages may not ask this"}, status_code=403)
        if request.method == "POST":
            try:
                await house.set_level(request.query_params.get("level", ""))
            except ValueError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"level": house.threshold.level})

    async def plan(request: Request) -> Response:
        said = await house.plan_map()
        return _nobody() if said is None else Response(msgspec.json.encode(said), media_type="application/json")

    app = Starlette(
        routes=[
            *page.routes(),
            Route("/api/live", watch.live, methods=["GET"]),
            Route("/api/plan", plan, methods=["GET"]),
            Route("/api/try", trials.run, methods=["POST"]),
            Route("/config_dump", config_dump),
            Route("/status", status),
            Route("/logging", logging, methods=["GET", "POST"]),
        ]
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL_HOSTS))
    app.add_middleware(Sealed)
    app.state.end = watch.end
    return app


def _nobody() -> Response:
    return JSONResponse(NOBODY, status_code=503)
