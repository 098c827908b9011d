"""Manifests for the journeys with the real command."""

SECRET = "sk-journey-55e1"  # the fake provider's key


def listener(port: int, name: str = "http") -> str:
    return f"""
  - name: {name}
    port: {port}
    protocol: HTTP"""


def gateway(*ports: int) -> str:
    listeners = "".join(listener(port, f"http-{port}") for port in ports)
    return f"""
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: gw
spec:
  gatewayClassName: agentgateway
  listeners:{listeners}
"""


def route(path: str, fake_port: int, *, model: str = "") -> str:
    """A route to the provider that listens on `fake_port`, and its backend."""
    name = path.strip("/")
    override = f"\n        model: {model}" if model else ""
    openai = f"openai:{override}" if override else "openai: {}"
    return f"""
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {name}
spec:
  parentRefs:
    - name: gw
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: {path}
      backendRefs:
        - name: {name}
          group: agentgateway.dev
          kind: AgentgatewayBackend
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata:
  name: {name}
spec:
  ai:
    provider:
      {openai}
      host: 127.0.0.1
      port: {fake_port}
"""
