"""The first part of a request's way: which rule it matches, and what the rule's policies say of it."""

from sluice.config.plan import Entry, Listener
from sluice.errors import RouteNotFound
from sluice.gateway import answers
from sluice.gateway.account import Account
from sluice.gateway.active import ActivePlan, Place
from sluice.gateway.asking import wished
from sluice.gateway.operation import Operation, operation
from sluice.gateway.policing import Policing
from sluice.gateway.ports import Request
from sluice.gateway.reply import Reply
from sluice.gateway.shaper import OwnReply
from sluice.gateway.world import World
from sluice.policies.deadlines import Deadlines
from sluice.relay.outcome import COMPLETED


class Arrival:
    """One request's."""

    def __init__(
        self, world: World, active: ActivePlan, request: Request, account: Account, reply: Reply, wanted: Operation
    ) -> None:
        self._world, self._active, self._request = world, active, request
        self._account, self._reply, self._wanted = account, reply, wanted
        self._place: Place = (None, None)
        self._deadlines = Deadlines()
        self.policing: Policing | None = None
        """None where no policy says anything."""

    async def _arrive(self) -> bool:
        """Find the rule; return whether the gateway has answered."""
        active, account, reply = self._active, self._account, self._reply
        listener = active.early(self._request)
        if listener is not None:
            account.at_route(active.labels(listener))
            policing = self._police(listener)
            if self._answered(await policing.early(listener, active.shaper)):
                return True
            self._goes_on(policing.request)
        try:
            self._place = listener, entry = active.route(self._request)
        except RouteNotFound:
            account.at_route(active.labels(active.listener(self._request)))
            raise
        account.at_route(active.labels(listener, entry))
        if account.trace is not None and listener is not None:
            account.trace.template = entry.match.path.value
            account.trace.scheme = "http" if listener.tls is None else "https"
        reply.rule = entry.rule
        self._deadlines = wished(self._request, entry.rule.deadlines)
        return False

    async def _is_answered(self, entry: Entry) -> bool:
        """Let the rule's policies decide who may ask; return whether the gateway has answered."""
        active, listener = self._active, self._place[0]
        if self.policing is None and not active.polices(entry.rule) and not self._world.services.money.keeps_books:
            return False
        policing = self.policing or self._police(listener)
        if self._answered(await policing.arrive(entry, active.shaper, self._world.die)):
            return True
        self._goes_on(policing.request)
        return False

    def _police(self, listener: Listener | None) -> Policing:
        policing = Policing(self._world.services, self._request, listener)
        self.policing = self._reply.policing = self._account.policing = policing
        policing.trace = self._account.trace
        return policing

    def _answered(self, own: OwnReply | None) -> bool:
        """Give the answer of the gateway's own, if there is one."""
        if own is None:
            return False
        self._account.direct = True
        headers = [*own.headers, *answers.own_headers(self._account)]
        self._reply.whole(own.status, headers, own.body, COMPLETED)
        return True

    def _goes_on(self, request: Request) -> None:
        """Policies have changed the request: its address may say something else now."""
        before, self._request = self._request, request
        if (request.method, request.path, request.query) != (before.method, before.path, before.query):
            self._wanted = wanted = operation(request.path, request.query)
            self._reply.speaks(wanted.kind)

    async def _list_models(self) -> None:
        rule, request, policing = self._reply.rule, self._request, self.policing
        public = self._active.public_models()
        if policing is not None:
            await policing.admit(rule)
            public = policing.models(public)
        self._account.direct = True
        dialect = self._world.dialect(answers.list_dialect(request))
        body = answers.models(dialect, public, self._wanted.suffix)
        self._reply.whole(200, answers.json_headers(self._account), body, COMPLETED)
