"""Programs for those who build Sluice; nothing here is shipped. The Makefile calls each as `python -m tools.NAME`."""
