"""`make soak`: a gateway under everything that goes wrong, for half an hour, and what it holds afterwards.

The real commands in processes of their own, on 127.0.0.1: `sluice serve`, `sluice fake`, and a load (`load`) in which
each request knows what its client must hear. This package starts them (`processes`), looks at them once a second
(`samples`), holds each answer beside its line of the access log (`ledger`) and judges the whole (`result`).
"""
