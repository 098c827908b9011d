"""What tests of streams need, for Sluice's own tests and for yours: playbooks and all ways to cut bytes.

Nothing in here runs in production. `cuts` and `playbook` are pure: no socket, no clock, no sleep.
"""
